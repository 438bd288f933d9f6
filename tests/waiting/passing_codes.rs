//! Codes that may pass, beside those of throttling.

use tcss_export::wait::Correction;

use crate::{
    exchange::{api, success},
    rig::run,
};

macro_rules! passes {
    ($($name:ident: $($code:literal)*;)*) => {$(
        #[test]
        fn $name() {
            for code in [$($code),*] {
                let run = run([api(code), success()]);
                run.assert_url(2);
                assert_eq!(run.remedies(), [Correction::Retry], "{code}");
            }
        }
    )*};
}

passes! {
    internal_error: "InternalError" "InternalError.MainDBFail" "InternalError.SomethingNew";
    request_timeout_though_it_is_an_invalid_parameter: "InvalidParameter.RequestTimeout";
    service_unavailable: "ServiceUnavailable" "ServiceUnavailable.SomethingNew";
    resource_unavailable: "ResourceUnavailable" "ResourceUnavailable.SomethingNew";
    resource_in_use: "ResourceInUse" "ResourceInUse.SomethingNew";
}
