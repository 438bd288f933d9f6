//! The variables of the environment.

use tcss_export::credentials::{Source, SourceErrorKind};

use crate::{ID, KEY, TOKEN, ask, error_of};

const VARIABLES: [(&str, &str); 2] =
    [("TENCENTCLOUD_SECRET_ID", ID), ("TENCENTCLOUD_SECRET_KEY", KEY)];

/// Asks for keys with one more variable, or another value of one.
fn with(
    name: &'static str,
    value: &'static str,
) -> Result<tcss_export::credentials::Found, String> {
    let variables = VARIABLES.into_iter().filter(|(known, _)| *known != name);
    let found = ask(Source::Environment, variables.chain([(name, value)]).collect());
    found.map_err(|error| error_of(Err(error)))
}

#[test]
fn id_and_key_are_credentials_without_a_token() {
    let found = ask(Source::Environment, VARIABLES.to_vec()).unwrap();
    assert_eq!(found.credentials, tcss_export::Credentials::new(ID, KEY).unwrap());
    assert_eq!((found.expiry, found.warning), (None, None));
    assert_eq!(found.origin, "environment, TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY");
}

#[test]
fn each_name_of_the_token_is_read_and_the_origin_names_it() {
    let expected = tcss_export::Credentials::new(ID, KEY).unwrap().with_token(TOKEN).unwrap();
    for name in ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"]
    {
        let found = with(name, TOKEN).unwrap();
        assert_eq!(found.credentials, expected, "{name}");
        assert!(found.origin.ends_with(&format!(" with {name}")), "{}", found.origin);
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    assert!(with("TENCENTCLOUD_TOKEN", "").unwrap().origin.ends_with("TENCENTCLOUD_SECRET_KEY"));
    let empty = vec![("TENCENTCLOUD_SECRET_ID", ""), ("TENCENTCLOUD_SECRET_KEY", "")];
    let error = ask(Source::Environment, empty).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Absent);
    assert_eq!(
        error.to_string(),
        "no source has credentials\n  environment: TENCENTCLOUD_SECRET_ID is not set"
    );
}

#[test]
fn half_a_pair_is_an_error_that_names_both_variables() {
    assert_eq!(
        with("TENCENTCLOUD_SECRET_KEY", "").unwrap_err(),
        "environment: TENCENTCLOUD_SECRET_ID is set, but TENCENTCLOUD_SECRET_KEY is not"
    );
    assert_eq!(
        with("TENCENTCLOUD_SECRET_ID", "").unwrap_err(),
        "environment: TENCENTCLOUD_SECRET_KEY is set, but TENCENTCLOUD_SECRET_ID is not"
    );
}

// tccli assumes it with the keys of its profile. Without the role, they are another identity.
#[test]
fn a_role_without_a_pair_is_an_error() {
    let error = ask(Source::Environment, vec![("TENCENTCLOUD_ROLE_ARN", "qcs::example")]);
    assert_eq!(
        error_of(error),
        "environment: TENCENTCLOUD_ROLE_ARN is set, but TENCENTCLOUD_SECRET_ID is not"
    );
}

#[test]
fn a_bracket_at_one_end_is_no_placeholder() {
    for value in ["<EXAMPLE", "EXAMPLE}", "[EXAMPLE%"] {
        assert!(with("TENCENTCLOUD_SECRET_KEY", value).is_ok(), "{value}");
    }
}

#[test]
fn mistakes_of_shells_and_editors_are_refused_by_name() {
    for (value, problem) in [
        ("\"EXAMPLEKEY\"", "has quotes around it, which must be removed"),
        ("'EXAMPLEKEY'", "has quotes around it, which must be removed"),
        ("`EXAMPLEKEY`", "has quotes around it, which must be removed"),
        ("${EXAMPLEKEY}", "names another variable or a command instead of its value"),
        ("$EXAMPLEKEY", "names another variable or a command instead of its value"),
        ("EXAMPLE$(KEY)", "names another variable or a command instead of its value"),
        ("<EXAMPLEKEY>", "is a placeholder"),
        ("{{EXAMPLEKEY}}", "is a placeholder"),
        ("[EXAMPLEKEY]", "is a placeholder"),
        ("%EXAMPLEKEY%", "is a placeholder"),
        ("EXAMPLEKEY\r", "contains a carriage return"),
        ("\u{feff}EXAMPLEKEY", "starts with a byte order mark"),
        ("EXAMPLE KEY", "contains white space or a control character"),
        ("EXAMPLEKEY\u{fc}", "contains a character that is not allowed"),
    ] {
        for name in
            ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_SESSION_TOKEN"]
        {
            let expected = format!("environment: {name} {problem}");
            assert_eq!(with(name, value).unwrap_err(), expected);
        }
    }
}

#[test]
fn mistakes_in_the_names_of_roles_are_refused() {
    let problem = "has quotes around it, which must be removed";
    for name in ["TENCENTCLOUD_ROLE_ARN", "TENCENTCLOUD_ROLE_SESSION_NAME"] {
        let variables = [("TENCENTCLOUD_ROLE_ARN", "qcs::r"), (name, "'EXAMPLE'")];
        let error = ask(Source::Environment, [&VARIABLES[..], &variables].concat());
        assert_eq!(error_of(error), format!("environment: {name} {problem}"));
    }
    let names = ["TKE_ROLE_ARN", "TKE_PROVIDER_ID", "TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_REGION"];
    for name in names {
        let error = error_of(ask(Source::WebIdentity, vec![(name, "'EXAMPLE'")]));
        assert_eq!(error, format!("identity of a TKE pod: {name} {problem}"));
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_refused_by_name() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};

    let key = OsString::from_vec(b"EXAMPLE\xff".to_vec());
    let variables = vec![("TENCENTCLOUD_SECRET_ID", ID.into()), ("TENCENTCLOUD_SECRET_KEY", key)];
    let error = error_of(ask(Source::Environment, variables));
    assert_eq!(error, "environment: TENCENTCLOUD_SECRET_KEY is not UTF-8");
}
