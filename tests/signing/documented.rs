//! The examples in the service's documents. They verify with the masked keys taken literally; a
//! mask that looks like a real key is assembled here from two halves.

use tcss_export::signing::HexDigest;

use crate::{Input, Stages};

const ESCAPED: &str =
    r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
const UTF8_JSON: &str = "application/json; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";

fn input(mask: (&str, &str), service: &str, host: &str, content_type: &str) -> Input {
    Input {
        method: "POST".into(),
        path: "/".into(),
        query: String::new(),
        headers: vec![("Content-Type".into(), content_type.into()), ("Host".into(), host.into())],
        payload: Some(Vec::new()),
        service: service.into(),
        timestamp: 1_551_113_065,
        id: mask.0.into(),
        key: mask.1.into(),
    }
}

fn cvm(id: &str, key: &str) -> Input {
    let input = input((id, key), "cvm", "cvm.tencentcloudapi.com", UTF8_JSON);
    Input { payload: Some(ESCAPED.into()), ..input }
}

fn with_action(mut input: Input, action: &str) -> Input {
    input.headers.push(("X-TC-Action".into(), action.into()));
    input
}

/// Assembles a masked id and key whose visible part looks like a real key pair.
fn mask(end: &str) -> (String, String) {
    (["AKIDz8krbsJ5yKBZQpn74WFkmLPx3", end].concat(), ["Gu5t9xGARNpq86cd98joQYCN3", end].concat())
}

#[track_caller]
fn assert_signature(input: &Input, canonical_request_hash: &str, signature: &str) {
    let Stages(stages) = input.stages();
    assert_eq!(stages[2].1, canonical_request_hash, "{}", stages[2].0);
    assert_eq!(stages[5].1, signature, "{}", stages[5].0);
}

// Mainland document "Signature v3", whose key is all asterisks.
#[test]
fn example_of_the_mainland_page() {
    let (id, key) = (["AKID", &"*".repeat(32)].concat(), "*".repeat(32));
    assert_signature(
        &with_action(cvm(&id, &key), "DescribeInstances"),
        "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
        "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
    );
}

// An earlier version of that page, and the service's demonstration repository.
#[test]
fn example_of_the_demonstration_programs() {
    let (id, key) = mask("*******");
    assert_signature(
        &with_action(cvm(&id, &key), "DescribeInstances"),
        "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
        "be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3",
    );
}

// The international page, which signs two headers.
#[test]
fn example_of_the_international_page() {
    let (id, key) = mask("EXAMPLE");
    assert_signature(
        &cvm(&id, &key),
        "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031",
        "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
    );
}

// The document "Common Params".
#[test]
fn example_of_a_query() {
    let (id, key) = mask("EXAMPLE");
    let input = input((&id, &key), "cvm", "cvm.tencentcloudapi.com", FORM);
    assert_signature(
        &Input {
            method: "GET".into(),
            query: "Limit=10&Offset=0".into(),
            timestamp: 1_539_084_154,
            ..input
        },
        "91c9c192c14460df6c1ffc69e34e6c5e90708de2a6d282cccf957dbf1aa7f3a7",
        "5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474",
    );
}

const TCSS_JOB: &str = "e4409223-8e92-45db-a857-11b1ff547c79";

fn tcss(content_type: &str, payload: Option<String>) -> Input {
    let (id, key) = mask("EXAMPLE");
    let input = input((&id, &key), "tcss", "tcss.intl.tencentcloudapi.com", content_type);
    Input { payload: payload.map(String::into_bytes), ..input }
}

fn compact() -> Option<String> {
    Some(format!(r#"{{"JobId":"{TCSS_JOB}"}}"#))
}

#[track_caller]
fn assert_signatures_at_both_times(input: Input, first: &str, second: &str) {
    assert_eq!(input.signature(), first);
    assert_eq!(Input { timestamp: 1_700_000_000, ..input }.signature(), second);
}

// Made by the international Python SDK with a fixed clock.
#[test]
fn tcss_body_of_the_sdk_with_a_space_after_the_colon() {
    let input = tcss("application/json", Some(format!(r#"{{"JobId": "{TCSS_JOB}"}}"#)));
    assert_eq!(
        input.stages().0[0].1,
        "0c62218e48a79debdc0420bb679fa4e6416d0b9bb001ed0d9c5484f8fe3c891c"
    );
    assert_signatures_at_both_times(
        input,
        "6d0f64dfcaf2afaa0ba84e68fe4f5170302c95d5e3ca054ba9a56a782ea0c77d",
        "4585c3a805240de3ba5f3180c6021b0e45645e50dee733c08285d3ac449df90c",
    );
}

// Made by the international Python SDK with a fixed clock.
#[test]
fn tcss_query_of_the_sdk() {
    let input = tcss(FORM, Some(String::new()));
    assert_signatures_at_both_times(
        Input { method: "GET".into(), query: format!("JobId={TCSS_JOB}"), ..input },
        "6aec874f8f0edece3f0cd20a4924860273c9d753d26a077924c0f85590311392",
        "a89090d7e0909e4f204440e78cd1ee5496a10d64b923506276f344789b4f689b",
    );
}

// Made by the international Python SDK with a fixed clock.
#[test]
fn tcss_unsigned_payload_of_the_sdk() {
    assert_signatures_at_both_times(
        tcss("application/json", None),
        "eb8d0de40e6d37bc406220cf9e634e7d6175debdad64edd25fecbb17f80203bd",
        "5ffa8666055ffbe81c0a75df6d5734f7cbce8790c165d8f88f5e007b5d1a91a6",
    );
}

// Made by an independent script.
#[test]
fn tcss_compact_body() {
    let input = tcss("application/json", compact());
    assert_eq!(
        input.stages().0[0].1,
        "f57bc88e9d4571de7e2431777d074f8eb165024e8bf29b5f5675e5b8b75a9d4e"
    );
    assert_signatures_at_both_times(
        input,
        "9facf20b638abf0a90fdaea112fa053091e2b1b0bbbc66fcbd5d89cca0821462",
        "5a82c17a78b5219c7a826161392e801a2926cf2c9dd46e66cb123e96892dbd7f",
    );
}

// Made by an independent script.
#[test]
fn tcss_compact_body_with_a_charset() {
    assert_signatures_at_both_times(
        tcss(UTF8_JSON, compact()),
        "269e3cce9a1ef5f321ebfff574924e6ba871fc00fe01e096c8bf506208d209bb",
        "5268374fb5e9534091dc6f10ccbdd97f89536f26e0c80b4516da6febab8b4d67",
    );
}

// Made by an independent script.
#[test]
fn tcss_compact_body_with_the_action_signed() {
    assert_signatures_at_both_times(
        with_action(tcss(UTF8_JSON, compact()), "DescribeExportJobResult"),
        "36545ce73adfb15c515f13a9269bdce46be5f50cd433792e75230b034c34636f",
        "a489ef3c03757681f529f7d561cc7e83b4741bf92f0b7face557e733f67a4618",
    );
}

// Expected: `printf UNSIGNED-PAYLOAD | sha256sum`.
#[test]
fn an_unsigned_payload_hashes_the_text_unsigned_payload() {
    assert_eq!(
        HexDigest::unsigned_payload().as_str(),
        "438d4109ef0d676b8c2c7ed13cdfcb418e494d53b843d4634ce3b1085f07bb96"
    );
}
