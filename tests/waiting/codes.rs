//! Which error codes end a wait and which are retried. For throttling see `throttling.rs`.

use tcss_export::wait::{self, Fault, Remedy};

use crate::harness::{api, members, run, success};

#[track_caller]
fn assert_ends_the_wait(code: &str) {
    let run = run([api(code)]);
    let error = run.error();
    assert!(matches!(error.kind, wait::ErrorKind::Fault(Fault::Answer(_))), "{:?}", error.kind);
    assert_eq!(run.code(), Some(code));
    assert_eq!(error.request_id(), Some(&*format!("r-{code}")));
    assert_eq!(error.report.polls, 1);
}

/// One test for each group of codes that end the wait after one request.
macro_rules! ends {
    ($($name:ident: $($code:literal)*;)*) => {$(
        #[test]
        fn $name() {
            $(assert_ends_the_wait($code);)*
        }
    )*};
}

// The service's common codes and those of the TCSS API, version 2020-11-01.
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
    a_role_that_does_not_exist: "InternalError.ErrRoleNotExist";
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
    unknown_family: "SomethingNew" "SomethingNew.InternalError" "4100";
    family_in_another_spelling: "internalerror" "InternalErrors" " InternalError";
}

#[test]
fn an_error_without_a_code_ends_the_wait() {
    let run = run([members(r#""Error":{},"ExportStatus":"SUCCESS""#)]);
    assert_eq!(run.code(), Some(""));
}

/// One test for each group of codes that are retried.
macro_rules! retried {
    ($($name:ident: $($code:literal)*;)*) => {$(
        #[test]
        fn $name() {
            for code in [$($code),*] {
                let run = run([api(code), success()]);
                run.assert_url(2);
                assert_eq!(run.remedies(), [Remedy::Retry], "{code}");
            }
        }
    )*};
}

retried! {
    internal_error: "InternalError" "InternalError.MainDBFail" "InternalError.SomethingNew";
    request_timeout_even_in_the_family_invalid_parameter: "InvalidParameter.RequestTimeout";
    service_unavailable: "ServiceUnavailable" "ServiceUnavailable.SomethingNew";
    resource_unavailable: "ResourceUnavailable" "ResourceUnavailable.SomethingNew";
    resource_in_use: "ResourceInUse" "ResourceInUse.SomethingNew";
}
