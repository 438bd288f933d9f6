//! The profiles of tccli.

use tcss_export::{
    Credentials,
    core::Wall,
    credentials::{Source, SourceErrorKind, TccliKind, parse_tccli},
};

use crate::{ID, KEY, TOKEN, ask, error_of, files::write, folder::Folder, virtual_machine::START};

const FILE: &str =
    r#"{"secretId":"AKIDEXAMPLE","secretKey":"EXAMPLEKEY","token":null,"region":["x"]}"#;

/// A home with one profile.
fn home(profile: &str, text: &str) -> Folder {
    let folder = Folder::new();
    write(&folder.at(&format!(".tccli/{profile}.credential")), text);
    folder
}

/// The keys of a login that expires so many seconds after the start.
fn login(seconds: i64) -> String {
    let expiry = START + seconds;
    format!(
        r#"{{"type":"oauth","secretId":"{ID}","secretKey":"{KEY}","token":"{TOKEN}",
        "expiresAt":{expiry},"oauth":{{"accessToken":"EXAMPLEACCESS","expiresAt":1}}}}"#
    )
}

#[test]
fn the_default_profile_is_read() {
    let folder = home("default", FILE);
    let path = folder.path().to_str().unwrap();
    let found = ask(Source::TccliProfile(None), vec![("HOME", path)]).unwrap();
    assert_eq!(found.credentials, Credentials::new(ID, KEY).unwrap());
    let origin = format!("profile default of tccli, {path}/.tccli/default.credential");
    assert_eq!((found.origin, found.warning, found.expiry), (origin, None, None));
}

#[test]
fn a_named_profile_must_exist() {
    let folder = home("ci", FILE);
    let path = folder.path().to_str().unwrap();
    let by_variable =
        |name| ask(Source::TccliProfile(None), vec![("HOME", path), ("TCCLI_PROFILE", name)]);
    assert!(by_variable("ci").is_ok());
    assert!(ask(Source::TccliProfile(Some("ci".into())), vec![("HOME", path)]).is_ok());
    let missing = by_variable("night").unwrap_err();
    assert_eq!(missing.kind(), SourceErrorKind::Broken);
    let text = format!("profile night of tccli, {path}/.tccli/night.credential: no such file");
    assert_eq!(missing.to_string(), text);
    write(&folder.at(".tccli/night.credential"), "{}");
    let empty = by_variable("night").unwrap_err();
    assert_eq!(empty.kind(), SourceErrorKind::Broken);
    assert!(empty.to_string().ends_with("the profile has no keys"), "{empty}");
    let unnamed = ask(Source::TccliProfile(None), vec![("HOME", path)]).unwrap_err();
    assert_eq!(unnamed.kind(), SourceErrorKind::Absent);
}

#[test]
fn the_name_of_a_profile_is_no_path() {
    let folder = home("default", FILE);
    let home = folder.path().to_str().unwrap();
    let expected = "profile of tccli: the name of the profile contains a path separator";
    for name in ["../.tccli/default", "a\\b", "/etc/x", ".."] {
        let variables = || vec![("HOME", home), ("TCCLI_PROFILE", name)];
        assert_eq!(error_of(ask(Source::TccliProfile(None), variables())), expected);
        let named = ask(Source::TccliProfile(Some(name.into())), vec![("HOME", home)]);
        assert_eq!(error_of(named), expected);
        // The variable is not read if a name is given.
        assert!(ask(Source::TccliProfile(Some("default".into())), variables()).is_ok());
    }
}

#[test]
fn only_an_empty_profile_is_absent() {
    let error = |text: &str| {
        let folder = home("default", text);
        let variables = vec![("HOME", folder.path().to_str().unwrap())];
        let error = ask(Source::TccliProfile(None), variables).unwrap_err();
        let place = format!(
            "profile default of tccli, {}: ",
            folder.at(".tccli/default.credential").display()
        );
        (error.kind(), error.tried()[0].to_string().strip_prefix(&place).unwrap().to_owned())
    };
    let absent = (SourceErrorKind::Absent, "the profile has no keys".to_owned());
    assert_eq!(error("{}"), absent);
    assert_eq!(error(r#"{"secretId":"","secretKey":null,"role-arn":""}"#), absent);
    let broken = |text: &str| (SourceErrorKind::Broken, text.to_owned());
    let login = "the login has no keys: log in again with tccli";
    assert_eq!(error(r#"{"type":"oauth","expiresAt":1}"#), broken(login));
    assert_eq!(error(r#"{"type":"sso"}"#), broken(login));
    let role = "role-arn is set, but secretId is not";
    assert_eq!(error(r#"{"role-arn":"qcs::r"}"#), broken(role));
    assert_eq!(error(r#"{"token":"x"}"#), broken("token is set, but secretId is not"));
}

#[test]
fn the_keys_of_a_login_are_used_until_they_expire() {
    let folder = home("default", &login(1));
    let variables = || vec![("HOME", folder.path().to_str().unwrap())];
    let found = ask(Source::TccliProfile(None), variables()).unwrap();
    assert_eq!(found.expiry, Some(Wall::from_unix_seconds(START + 1)));
    assert_eq!(found.credentials, Credentials::new(ID, KEY).unwrap().with_token(TOKEN).unwrap());
    write(&folder.at(".tccli/default.credential"), login(0));
    let error = ask(Source::TccliProfile(None), variables());
    assert_eq!(error.as_ref().unwrap_err().kind(), SourceErrorKind::Broken);
    let text = error_of(error);
    assert!(text.ends_with("the login has expired: log in again with tccli"), "{text}");
}

#[test]
fn the_types_of_profiles_are_known() {
    let kind = |text: &str| parse_tccli(text.as_bytes()).map(|profile| profile.kind);
    assert_eq!(kind("{}"), Ok(TccliKind::Keys));
    assert_eq!(kind(r#"{"type":"cvm-role"}"#), Ok(TccliKind::InstanceRole));
    assert_eq!(kind(&login(1)), Ok(TccliKind::Login));
    assert_eq!(kind(&login(1).replace("oauth", "sso")), Ok(TccliKind::Login));
    let unknown = kind(r#"{"type":"EXAMPLE"}"#).unwrap_err().to_string();
    assert_eq!(unknown, "the type of the profile is not supported");
    assert_eq!(kind(r#"{"type":"x"}"#).unwrap_err().line(), None);
    let endless = kind(&login(1).replace("expiresAt", "x")).unwrap_err().to_string();
    assert_eq!(endless, "expiresAt is not set");
}

#[test]
fn a_role_is_read_with_the_keys() {
    let text = FILE.replace("{", r#"{"role-arn":"qcs::r","role-session-name":"","#);
    let profile = parse_tccli(text.as_bytes()).unwrap();
    assert_eq!(profile.role_arn.as_deref(), Some("qcs::r"));
    assert_eq!(profile.role_session_name, None);
    assert!(profile.credentials.is_some());
}

#[test]
fn a_file_that_is_no_profile_is_refused_by_its_line() {
    for (text, problem) in [
        ("", "line 1: the file is not JSON"),
        ("{\"secretId\":\n\"AKID", "line 2: the file is not JSON"),
        ("[default]\nsecret_id = x", "line 1: the file is not JSON"),
        ("[]", "line 1: a value has the wrong type, or a name occurs twice"),
        ("{\n\"secretKey\":1}", "line 2: a value has the wrong type, or a name occurs twice"),
        (
            r#"{"token":"a","token":"b"}"#,
            "line 1: a value has the wrong type, or a name occurs twice",
        ),
        (r#"{"secretId":"AKIDEXAMPLE"}"#, "secretId is set, but secretKey is not"),
        (
            r#"{"secretId":"AKIDEXAMPLE","secretKey":"${KEY}"}"#,
            "secretKey names another variable or a command instead of its value",
        ),
        (
            r#"{"secretId":"a","secretKey":"b","role-arn":"${ROLE}"}"#,
            "role-arn names another variable or a command instead of its value",
        ),
        (
            r#"{"type":"cvm-role","role-session-name":"'night'"}"#,
            "role-session-name has quotes around it, which must be removed",
        ),
        ("\u{feff}{}", "line 1: the file starts with a byte order mark"),
    ] {
        assert_eq!(parse_tccli(text.as_bytes()).unwrap_err().to_string(), problem, "{text}");
    }
}
