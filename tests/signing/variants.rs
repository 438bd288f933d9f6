//! One request and variants with one change each, with two and with three signed headers. An
//! independent script computed the values.

use tcss_export::{JobId, Session, actions::DescribeExportJobResult};

use crate::{
    Input,
    common::{BODY, HOST, ID, JOB, KEY, SIGNATURE, TIME, action, at, credentials, signature},
};

fn base() -> Input {
    Input {
        method: "POST".into(),
        path: "/".into(),
        query: String::new(),
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("host".into(), HOST.into()),
        ],
        payload: Some(BODY.into()),
        service: "tcss".into(),
        timestamp: TIME,
        id: ID.into(),
        key: KEY.into(),
    }
}

/// Two tests for each row, and a third with a session if a session can build that request.
macro_rules! table {
    ($(
        $row:ident: $change:expr $(, ($endpoint:expr, $time:expr, $job:expr))? =>
            $two:literal, $three:literal;
    )*) => {$(
        mod $row {
            use super::*;

            #[test]
            fn two_headers_signed() {
                let mut input = base();
                let change: fn(&mut Input) = $change;
                change(&mut input);
                assert_eq!(input.signature(), $two);
            }

            #[test]
            fn three_headers_signed() {
                let mut input = base();
                let change: fn(&mut Input) = $change;
                change(&mut input);
                input.headers.push(("X-TC-Action".into(), "DescribeExportJobResult".into()));
                assert_eq!(input.signature(), $three);
            }

            $(
                #[test]
                fn signed_by_a_session() {
                    let action = DescribeExportJobResult::new(JobId::new($job).unwrap());
                    let mut session = Session::new($endpoint.parse().unwrap());
                    let request = session.request(&action, &credentials(), at($time)).unwrap();
                    assert_eq!(signature(&request), $three);
                }
            )?
        }
    )*};
}

const SITE: &str = HOST;
const ESCAPED_JOB: &str = r#"导出-"7"\A<b>&"#;

table! {
    unchanged: |_| (), (SITE, TIME, JOB) =>
        "cefb8fe8e46cd0b8222f7fe89be404bd0e33db094fc18880f8a9c2fadaed8559",
        "295587ae31998eaf3cf0bb49ebb10a1d3c4e3fcf7b682522f9a131da6b8aec27";
    time_1699979800: |f| f.timestamp = 1_699_979_800, (SITE, 1_699_979_800, JOB) =>
        "e529690b2a589a45cc0d5305e3fd7942bec0fcfb9a4bf87195ef203133c5336a",
        "a73ed268582a861b6611468afd4628eaa29afe05f0d410bc469ca5338494f31c";
    first_second_of_the_next_utc_day: |f| f.timestamp = 1_700_006_400,
        (SITE, 1_700_006_400, JOB) =>
        "384ebf7bd1c74ede0f98070cf0001f55144165aba65d302a25118786360101e9",
        "53edb0bca9183de382c19e3d9f5b103c3fca19f39dfaa1cd77ba0caba88e829a";
    time_1700006990: |f| f.timestamp = 1_700_006_990, (SITE, 1_700_006_990, JOB) =>
        "c5e09dbe674b968c2d715792dee7b070958da33a1af84cfabd6753009425a137",
        "7ea66f56f45f795df814a4b120c609fc35803f814b1a3d1b8282b6db001cdf37";
    last_second_of_a_leap_day: |f| f.timestamp = 1_709_251_199,
        (SITE, 1_709_251_199, JOB) =>
        "23029d06bc6d8f9e266f2d11fb2af9fedec29467d0754317c63fd66cc334b68e",
        "554fd02c84764fd6548a59828fca37048e6e49bfb3502d778c6fa0280bc99ff8";
    content_type_with_a_charset:
        |f| f.headers[0].1 = "application/json; charset=utf-8".into() =>
        "c8d8f81a24e656732e14e26f5011e8d9b181be53dfa516b8eea24b25de8178a7",
        "4df73ea45a1913e084a41d82e27358adae6560c64656bc1a1877d5af0c25f9d2";
    another_port: |f| f.headers[1].1 = format!("{HOST}:8443"),
        ("https://tcss.intl.tencentcloudapi.com:8443", TIME, JOB) =>
        "8216a2b39e450295a21595c0132e7f0031eae94e13fb63f0eca276e10d146f14",
        "e84cce12d52e288ada95cc310ebd6bb376791a2f1529216d211758108be762de";
    mainland_site: |f| f.headers[1].1 = "tcss.tencentcloudapi.com".into(),
        ("tcss.tencentcloudapi.com", TIME, JOB) =>
        "963a32defad8a2cf874629eacc370faaacd62e0d4ff927bdf27c59ff6c9542e3",
        "e7e82b0694ca2c39f8f3d70a5928262d8137562220abadcb31f89d77b9dd4e3b";
    job_id_that_needs_escapes:
        |f| f.payload = Some(r#"{"JobId":"导出-\"7\"\\A<b>&"}"#.into()),
        (SITE, TIME, ESCAPED_JOB) =>
        "b83f3e488345dace64398e4e2649f08c26f9831b02440f8749a36a0f9b37a46b",
        "acd5b4da986b50da702a2ac1f4558d6af1d560612441701d10c2216b9bcbb3ce";
}

#[test]
fn the_default_port_is_not_signed() {
    let endpoint = "https://tcss.intl.tencentcloudapi.com:443".parse().unwrap();
    let request = Session::new(endpoint).request(&action(), &credentials(), at(TIME)).unwrap();
    assert_eq!(signature(&request), SIGNATURE);
}
