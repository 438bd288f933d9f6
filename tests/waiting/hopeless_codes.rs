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
    w6_auth_failure: "AuthFailure";
    w6_invalid_authorization: "AuthFailure.InvalidAuthorization";
    w6_invalid_secret_id: "AuthFailure.InvalidSecretId";
    w6_mfa_failure: "AuthFailure.MFAFailure";
    w6_secret_id_not_found: "AuthFailure.SecretIdNotFound";
    w6_signature_failure: "AuthFailure.SignatureFailure";
    w6_unauthorized_operation_of_auth_failure: "AuthFailure.UnauthorizedOperation";
    w6_unauthorized_operation: "UnauthorizedOperation" "UnauthorizedOperation.CamNoAuth";
    w6_missing_parameter: "MissingParameter" "MissingParameter.JobId";
    w6_invalid_parameter: "InvalidParameter";
    w6_details_of_invalid_parameter:
        "InvalidParameter.ErrIpNoValid" "InvalidParameter.InvalidFormat"
        "InvalidParameter.IpNoValid" "InvalidParameter.MissingParameter"
        "InvalidParameter.ParsingError" "InvalidParameter.PortNoValid"
        "InvalidParameter.RegexRuleError" "InvalidParameter.ReverShellKeyFieldAllEmpty"
        "InvalidParameter.RuleInfoInValid";
    w6_invalid_parameter_value:
        "InvalidParameterValue" "InvalidParameterValue.DataNotFound"
        "InvalidParameterValue.DataRange" "InvalidParameterValue.LengthLimit";
    w6_unknown_parameter: "UnknownParameter";
    b3_w6_invalid_action: "InvalidAction";
    b3_w6_no_such_version: "NoSuchVersion";
    w6_no_such_product: "NoSuchProduct";
    w6_role_not_granted: "InternalError.ErrRoleNotExist";
    w10_quota: "LimitExceeded" "LimitExceeded.SomethingNew";
    w6_action_offline: "ActionOffline";
    w6_dry_run: "DryRunOperation";
    w6_failed_operation:
        "FailedOperation" "FailedOperation.AgentOffline" "FailedOperation.AuthorizedNotEnough"
        "FailedOperation.DataValueNotCorrect" "FailedOperation.ErrAlreadyScanning"
        "FailedOperation.RuleNotFind";
    w6_invalid_request: "InvalidRequest";
    w6_address_lists: "IpInBlacklist" "IpNotInWhitelist";
    w6_operation_denied: "OperationDenied";
    w6_size_limits: "RequestSizeLimitExceeded" "ResponseSizeLimitExceeded";
    w6_resource_insufficient: "ResourceInsufficient";
    w6_resource_not_found: "ResourceNotFound";
    w6_unsupported: "UnsupportedOperation" "UnsupportedProtocol" "UnsupportedRegion";
    w6_family_nobody_knows: "SomethingNew" "SomethingNew.InternalError" "4100";
    w6_family_in_another_spelling: "internalerror" "InternalErrors" " InternalError";
}

#[test]
fn w6_error_without_a_code_ends_the_wait() {
    let run = run([members(r#""Error":{},"ExportStatus":"SUCCESS""#)]);
    assert_eq!(run.error().code().map(tcss_export::error::ErrorCode::as_str), Some(""));
}
