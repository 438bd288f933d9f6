//! Field case W6: one request, then the error.

use tcss_export::wait::{self, Fault};

use crate::{
    exchange::{api, members},
    rig::run,
};

#[track_caller]
fn ends_the_wait(code: &str) {
    let run = run([api(code)]);
    let error = run.error();
    assert!(matches!(error.kind, wait::ErrorKind::Fault(Fault::Answer(_))), "{:?}", error.kind);
    assert_eq!(error.code().map(tcss_export::error::ErrorCode::as_str), Some(code));
    assert_eq!(error.request_id(), Some(&*format!("r-{code}")));
    assert_eq!(error.report.polls, 1);
}

macro_rules! ends {
    ($($name:ident: $($code:literal)*;)*) => {$(
        #[test]
        fn $name() {
            $(ends_the_wait($code);)*
        }
    )*};
}

// The service's common codes and those of TCSS 2020-11-01.
ends! {
    auth_failure: "AuthFailure";
    invalid_authorization: "AuthFailure.InvalidAuthorization";
    invalid_secret_id: "AuthFailure.InvalidSecretId";
    mfa_failure: "AuthFailure.MFAFailure";
    secret_id_not_found: "AuthFailure.SecretIdNotFound";
    signature_failure: "AuthFailure.SignatureFailure";
    unauthorized_operation_of_auth_failure: "AuthFailure.UnauthorizedOperation";
    unauthorized_operation: "UnauthorizedOperation" "UnauthorizedOperation.CamNoAuth";
    missing_parameter: "MissingParameter" "MissingParameter.JobId";
    invalid_parameter: "InvalidParameter";
    details_of_invalid_parameter:
        "InvalidParameter.ErrIpNoValid" "InvalidParameter.InvalidFormat"
        "InvalidParameter.IpNoValid" "InvalidParameter.MissingParameter"
        "InvalidParameter.ParsingError" "InvalidParameter.PortNoValid"
        "InvalidParameter.RegexRuleError" "InvalidParameter.ReverShellKeyFieldAllEmpty"
        "InvalidParameter.RuleInfoInValid";
    invalid_parameter_value:
        "InvalidParameterValue" "InvalidParameterValue.DataNotFound"
        "InvalidParameterValue.DataRange" "InvalidParameterValue.LengthLimit";
    unknown_parameter: "UnknownParameter";
    invalid_action: "InvalidAction";
    no_such_version: "NoSuchVersion";
    no_such_product: "NoSuchProduct";
    role_not_granted: "InternalError.ErrRoleNotExist";
    quota: "LimitExceeded" "LimitExceeded.SomethingNew";
    action_offline: "ActionOffline";
    dry_run: "DryRunOperation";
    failed_operation:
        "FailedOperation" "FailedOperation.AgentOffline" "FailedOperation.AuthorizedNotEnough"
        "FailedOperation.DataValueNotCorrect" "FailedOperation.ErrAlreadyScanning"
        "FailedOperation.RuleNotFind";
    invalid_request: "InvalidRequest";
    address_lists: "IpInBlacklist" "IpNotInWhitelist";
    operation_denied: "OperationDenied";
    size_limits: "RequestSizeLimitExceeded" "ResponseSizeLimitExceeded";
    resource_insufficient: "ResourceInsufficient";
    resource_not_found: "ResourceNotFound";
    unsupported: "UnsupportedOperation" "UnsupportedProtocol" "UnsupportedRegion";
    family_nobody_knows: "SomethingNew" "SomethingNew.InternalError" "4100";
    family_in_another_spelling: "internalerror" "InternalErrors" " InternalError";
}

#[test]
fn error_without_a_code_ends_the_wait() {
    let run = run([members(r#""Error":{},"ExportStatus":"SUCCESS""#)]);
    assert_eq!(run.error().code().map(tcss_export::error::ErrorCode::as_str), Some(""));
}
