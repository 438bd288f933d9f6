//! `sign` and `explain`. The expected values come from Python's hmac and hashlib, used as the
//! service documents it.

use serde_json::{Value, json};
use tcss_export_testkit::verify::{RawRequest, Refusal, Verified, Verifier};

use crate::support::{ID, KEY, TOKEN, cli, without_keys};

const JOB: &str = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10";
const SIGNATURE: &str = "295587ae31998eaf3cf0bb49ebb10a1d3c4e3fcf7b682522f9a131da6b8aec27";
const CREDENTIAL: &str = "TC3-HMAC-SHA256 Credential=AKIDFIELDCASES0001/2023-11-14/tcss/tc3_request, \
                          SignedHeaders=content-type;host;x-tc-action, Signature=";
const STRING_TO_SIGN: &str = "TC3-HMAC-SHA256\n1699979400\n2023-11-14/tcss/tc3_request\n5f22ad523bdeadb47dbca2be60afb0d48115db3ce494c3dddbb196a3585e9407";

fn sign(more: &[&str]) -> Value {
    let args = [&["sign", JOB, "--timestamp", "1699979400", "--json"], more].concat();
    cli(&args).revealing().run().json()
}

fn verified(request: &Value) -> Result<Verified, Refusal> {
    let headers = request["headers"].as_object().expect("an object").iter();
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))).collect();
    let body = request["body"].as_str().expect("a text").as_bytes();
    let request = RawRequest { method: "POST", path: "/", query: "", headers: &headers, body };
    Verifier::new("tcss").verify(&request, 1_699_979_400, |id| (id == ID).then_some(KEY))
}

#[test]
fn sign_shows_the_request_with_the_signature_masked() {
    let expected = json!({
        "method": "POST",
        "uri": "https://tcss.intl.tencentcloudapi.com/",
        "headers": {
            "authorization": format!("{CREDENTIAL}***"),
            "content-type": "application/json",
            "host": "tcss.intl.tencentcloudapi.com",
            "x-tc-action": "DescribeExportJobResult",
            "x-tc-timestamp": "1699979400",
            "x-tc-version": "2020-11-01",
        },
        "body": format!(r#"{{"JobId":"{JOB}"}}"#),
    });
    assert_eq!(sign(&[]), expected);
}

#[test]
fn reveal_shows_the_right_signature() {
    let authorization = format!("{CREDENTIAL}{SIGNATURE}");
    assert_eq!(sign(&["--reveal"])["headers"]["authorization"], authorization);
}

#[test]
fn the_revealed_request_is_accepted() {
    let verified = verified(&sign(&["--reveal", "--region", "ap-singapore"])).expect("accepted");
    assert_eq!((verified.timestamp, verified.payload_signed), (1_699_979_400, true));
}

#[test]
fn a_job_id_of_any_characters_is_signed_as_shown() {
    let job = "\u{5bfc}\u{51fa}-\"7\"\\A<b>&\u{1}";
    let args = ["sign", job, "--timestamp", "1699979400", "--json", "--reveal"];
    let request = cli(&args).revealing().run().json();
    assert!(verified(&request).is_ok());
    let body: Value =
        serde_json::from_str(request["body"].as_str().expect("a text")).expect("JSON");
    assert_eq!(body["JobId"], job);
}

#[test]
fn the_token_is_masked_unless_revealed() {
    let args = ["sign", JOB, "--json"];
    let token = |cli: crate::support::Cli| {
        cli.env("TENCENTCLOUD_TOKEN", TOKEN).run().json()["headers"]["x-tc-token"].clone()
    };
    assert_eq!(token(cli(&args)), "***");
    assert_eq!(token(cli(&args).arg("--reveal").revealing()), TOKEN);
}

#[test]
fn region_and_language_are_headers_of_the_request() {
    let headers = sign(&["--region", "ap-singapore", "--language", "zh-CN"])["headers"].clone();
    assert_eq!(
        (&headers["x-tc-region"], &headers["x-tc-language"]),
        (&json!("ap-singapore"), &json!("zh-CN"))
    );
}

#[test]
fn without_json_the_request_is_text() {
    let args = ["sign", JOB, "--timestamp", "1699979400"];
    let expected = format!(
        "POST https://tcss.intl.tencentcloudapi.com/\nauthorization: {CREDENTIAL}***\n\
         content-type: application/json\nhost: tcss.intl.tencentcloudapi.com\n\
         x-tc-action: DescribeExportJobResult\nx-tc-timestamp: 1699979400\n\
         x-tc-version: 2020-11-01\n\n{{\"JobId\":\"{JOB}\"}}\n"
    );
    assert_eq!(cli(&args).run().stdout, expected);
}

#[test]
fn explain_shows_the_stages_without_any_key() {
    let args = ["explain", JOB, "--timestamp", "1699979400", "--json"];
    let stages = without_keys(&args).run().json();
    let canonical_request = "POST\n/\n\ncontent-type:application/json\n\
        host:tcss.intl.tencentcloudapi.com\nx-tc-action:describeexportjobresult\n\n\
        content-type;host;x-tc-action\n\
        a810469766a5d6203e60b556954e2519f2b89949a4828a53da5dd8d358d26658";
    assert_eq!(stages["canonical_request"], canonical_request);
    assert_eq!(stages["scope"], "2023-11-14/tcss/tc3_request");
    assert_eq!(stages["string_to_sign"], STRING_TO_SIGN);
}

#[test]
fn without_json_explain_prints_the_same_texts() {
    let args = ["explain", JOB, "--timestamp", "1699979400"];
    let stages = without_keys(&[&args[..], &["--json"]].concat()).run().json();
    let text = without_keys(&args).run().stdout;
    for stage in ["canonical_request", "scope", "string_to_sign"] {
        let stage = stages[stage].as_str().expect("a text");
        assert!(text.contains(&format!("\n{stage}\n")), "{text}");
    }
}

#[test]
fn without_the_option_the_time_is_now() {
    let signed = || -> u64 {
        let request = cli(&["sign", JOB, "--json"]).run().json();
        request["headers"]["x-tc-timestamp"].as_str().expect("a text").parse().expect("a number")
    };
    assert!(signed() > 1_700_000_000);
}
