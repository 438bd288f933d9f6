//! Credentials from the environment, and their errors.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::support::{Cli, ID, KEY, OTHER_KEY, TOKEN, builder, cli, without_keys};

const SIGN: &[&str] = &["sign", "J", "--json"];
const TOKEN_NAMES: [&str; 3] =
    ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"];

/// Returns the error message of a run without usable keys.
fn refused(cli: Cli) -> String {
    let ended = cli.run();
    let error = ended.error();
    assert_eq!((ended.code, &*ended.stdout, &error["kind"]), (Some(2), "", &json!("usage")));
    error["message"].as_str().expect("a text").to_owned()
}

fn token_of(cli: Cli) -> Value {
    cli.arg("--reveal").revealing().run().json()["headers"]["x-tc-token"].clone()
}

#[test]
fn missing_keys_are_named() {
    let both = "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY must be set";
    assert_eq!(refused(without_keys(SIGN)), both);
    let id = without_keys(SIGN).env("TENCENTCLOUD_SECRET_ID", ID);
    assert_eq!(refused(id), "TENCENTCLOUD_SECRET_KEY must be set");
    let key = without_keys(SIGN).env("TENCENTCLOUD_SECRET_KEY", KEY);
    assert_eq!(refused(key), "TENCENTCLOUD_SECRET_ID must be set");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let empty = cli(SIGN).env("TENCENTCLOUD_SECRET_KEY", "");
    assert_eq!(refused(empty), "TENCENTCLOUD_SECRET_KEY must be set");
}

#[test]
fn every_command_that_signs_needs_keys() {
    let create = &["create", "--asset-type", "host", "--all"];
    for command in [create, &["jobs"][..], &["result", "J"], &["wait", "J"], &["sign", "J"]] {
        let ended = without_keys(command).run();
        assert_eq!(ended.code, Some(2), "{command:?}");
        assert!(ended.stderr.contains("TENCENTCLOUD_SECRET_ID"), "{ended:?}");
    }
}

#[test]
fn a_value_with_a_line_end_is_refused_and_its_variable_named() {
    let problem = "contains white space or a control character";
    for name in ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"].iter().chain(&TOKEN_NAMES) {
        let message = refused(cli(SIGN).env(name, format!("{OTHER_KEY}\n")));
        assert_eq!(message, format!("{name} {problem}"));
    }
}

#[test]
fn a_value_that_is_not_utf8_is_refused_and_its_variable_named() {
    for name in ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"].iter().chain(&TOKEN_NAMES) {
        let message = refused(cli(SIGN).env(name, OsStr::from_bytes(b"a\xffb")));
        assert_eq!(message, format!("{name} is not valid UTF-8"));
    }
}

#[test]
fn each_variable_for_the_token_is_read() {
    for name in TOKEN_NAMES {
        assert_eq!(token_of(cli(SIGN).env(name, TOKEN)), TOKEN, "{name}");
    }
}

#[test]
fn the_first_token_that_is_not_empty_counts() {
    let set = |values: [&str; 3]| {
        TOKEN_NAMES.iter().zip(values).fold(cli(SIGN), |cli, (name, value)| cli.env(name, value))
    };
    assert_eq!(token_of(set(["t-one", "t-two", "t-three"])), "t-one");
    assert_eq!(token_of(set(["", "t-two", "t-three"])), "t-two");
    assert_eq!(token_of(set(["", "", "t-three"])), "t-three");
    assert_eq!(token_of(set(["", "", ""])), Value::Null);
}

#[test]
fn the_token_reaches_the_service() {
    let service = builder("SUCCESS").token(TOKEN).start().expect("a service");
    let args = ["result", "J", "--json", "--endpoint", &service.url()];
    let with = cli(&args).env("TENCENTCLOUD_SESSION_TOKEN", TOKEN).run();
    assert_eq!(with.code, Some(0), "{with:?}");
    let without = cli(&args).run();
    assert_eq!(without.error()["code"], "AuthFailure.TokenFailure");
}

#[test]
fn a_wrong_key_and_an_unknown_id_have_their_hints() {
    let service = builder("SUCCESS").start().expect("a service");
    for (name, code) in [
        ("TENCENTCLOUD_SECRET_KEY", "AuthFailure.SignatureFailure"),
        ("TENCENTCLOUD_SECRET_ID", "AuthFailure.SecretIdNotFound"),
    ] {
        let args = ["result", "J", "--json", "--endpoint", &service.url()];
        let ended = cli(&args).env(name, OTHER_KEY).run();
        let error = ended.error();
        assert_eq!((ended.code, &error["code"]), (Some(4), &json!(code)));
        assert!(error["hint"].as_str().expect("a hint").contains(name), "{error}");
    }
}
