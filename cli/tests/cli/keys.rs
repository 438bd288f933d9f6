//! Credentials from the environment, and their errors.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::support::{Cli, ID, KEY, OTHER_KEY, TOKEN, builder, cli, service, without_keys};

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
fn a_missing_half_of_a_pair_is_named() {
    let id = without_keys(SIGN).env("TENCENTCLOUD_SECRET_ID", ID);
    let without_key =
        "environment: TENCENTCLOUD_SECRET_ID is set, but TENCENTCLOUD_SECRET_KEY is not";
    assert_eq!(refused(id), without_key);
    let key = without_keys(SIGN).env("TENCENTCLOUD_SECRET_KEY", KEY);
    let without_id =
        "environment: TENCENTCLOUD_SECRET_KEY is set, but TENCENTCLOUD_SECRET_ID is not";
    assert_eq!(refused(key), without_id);
    let empty = cli(SIGN).env("TENCENTCLOUD_SECRET_KEY", "");
    assert_eq!(refused(empty), without_key);
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
        assert_eq!(message, format!("environment: {name} {problem}"));
    }
}

#[test]
fn a_value_that_is_not_utf8_is_refused_and_its_variable_named() {
    for name in ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"].iter().chain(&TOKEN_NAMES) {
        let message = refused(cli(SIGN).env(name, OsStr::from_bytes(b"a\xffb")));
        assert_eq!(message, format!("environment: {name} is not UTF-8"));
    }
}

#[test]
fn quotes_and_placeholders_are_refused_with_the_name_of_the_variable() {
    let quoted = "has quotes around it, which must be removed";
    let reference = "names another variable or a command instead of its value";
    let placeholder = "is a placeholder";
    for (value, problem) in [
        (format!("\"{OTHER_KEY}\""), quoted),
        (format!("'{OTHER_KEY}'"), quoted),
        (format!("{OTHER_KEY}\""), quoted),
        (format!("`{OTHER_KEY}`"), quoted),
        ("${SECRET}".to_owned(), reference),
        ("$SECRET".to_owned(), reference),
        ("$(cat key)".to_owned(), reference),
        ("AKID${SECRET}".to_owned(), reference),
        ("<your-key>".to_owned(), placeholder),
        ("{{ .Values.key }}".to_owned(), placeholder),
        ("[KEY]".to_owned(), placeholder),
        ("%KEY%".to_owned(), placeholder),
    ] {
        for name in ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"].iter().chain(&TOKEN_NAMES)
        {
            let message = refused(cli(SIGN).env(name, &value));
            assert_eq!(message, format!("environment: {name} {problem}"), "{value}");
        }
    }
}

#[test]
fn a_key_with_the_characters_of_base64_is_accepted() {
    let token = "a+/b-_c.d==";
    assert_eq!(token_of(cli(SIGN).env("TENCENTCLOUD_TOKEN", token)), token);
    let ended = cli(SIGN).env("TENCENTCLOUD_SECRET_KEY", "EXAMPLE+/KEY==").run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
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

/// Returns the hint after this code, with these variables.
fn hint(code: &str, variables: &[(&str, &str)]) -> String {
    let server = service(&format!("ERROR:{code}"));
    let cli = cli(&["result", "J", "--json", "--endpoint", &server.url()]);
    let ended = variables.iter().fold(cli, |cli, (name, value)| cli.env(name, value)).run();
    let hint = ended.error()["hint"].as_str().expect("a hint").to_owned();
    hint.replace(&server.url(), "URL")
}

const PAIR: &str = "environment, TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY";

#[test]
fn a_hint_names_the_variable_whose_token_was_sent() {
    for name in TOKEN_NAMES {
        let from = format!(
            "; if it is a permanent key, remove the token that is sent with it; source of the \
             key: {PAIR} with {name}"
        );
        let expected = "get new temporary keys: the token has expired or does not belong to this \
            key pair";
        let of_token = hint("AuthFailure.TokenFailure", &[(name, TOKEN)]);
        assert_eq!(of_token, format!("{expected}{from}"));
        let expected = "check the key: it was deleted or disabled, or belongs to another site than \
            --endpoint (now URL)";
        let of_id = hint("AuthFailure.SecretIdNotFound", &[(name, TOKEN)]);
        assert_eq!(of_id, format!("{expected}{from}"));
    }
    let both = [(TOKEN_NAMES[2], TOKEN), (TOKEN_NAMES[1], TOKEN)];
    assert!(hint("AuthFailure.TokenFailure", &both).ends_with("with TENCENTCLOUD_SESSION_TOKEN"));
}

#[test]
fn without_a_token_no_hint_asks_to_remove_one() {
    let expected = "add the token: the keys are temporary and need it; source of the key:";
    assert_eq!(hint("AuthFailure.TokenFailure", &[]), format!("{expected} {PAIR}"));
    assert!(!hint("AuthFailure.SecretIdNotFound", &[]).contains("remove"));
}

#[test]
fn a_hint_to_set_the_clock_shows_the_clock() {
    let hint = hint("AuthFailure.SignatureExpire", &[]);
    let (_, shown) =
        hint.split_once("set the clock of this machine, which shows ").expect("a time");
    let (date, rest) = shown.split_once(' ').expect("a date");
    assert!(date.len() == 10 && rest[5..].starts_with(" UTC: it may be off by"), "{hint}");
}

#[test]
fn a_secret_that_is_a_common_word_does_not_mask_our_own_words() {
    let service = service("STATUS:none,ERROR:AuthFailure.SignatureFailure");
    let args = ["wait", "J", "--interval", "0", "--endpoint", &service.url()];
    let ended = cli(&args).env("TENCENTCLOUD_TOKEN", "service").run();
    assert!(ended.stderr.contains("error: the service refused with AuthFailure"), "{ended:?}");
    // The text of the script is the service's.
    let ended = cli(&args).env("TENCENTCLOUD_TOKEN", "script").run();
    assert!(ended.stderr.contains("requested by the ***\n"), "{ended:?}");
    let ended = cli(&args).env("TENCENTCLOUD_TOKEN", "shows").run();
    assert!(ended.stderr.contains("; the explain command shows what is signed; "), "{ended:?}");
}
