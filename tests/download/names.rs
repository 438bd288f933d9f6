//! The suggested name of a file, which never contains a path.

use proptest::prelude::*;

use crate::{
    run::{URL, run_from},
    server::Answer,
};

/// Returns the name suggested for this URL and this `Content-Disposition`.
fn suggested(text: &str, disposition: Option<&[u8]>) -> Option<String> {
    let mut answer = Answer::new(200, &[("content-length", "1")], "x");
    if let Some(disposition) = disposition {
        let value = http::HeaderValue::from_bytes(disposition).unwrap();
        let headers = &mut answer.head.as_mut().unwrap().headers;
        headers.insert("content-disposition", value);
    }
    let mut run = run_from(text);
    run.answer(&answer);
    run.outcome().unwrap().report.suggested_name
}

fn named(disposition: &str) -> Option<String> {
    suggested(URL, Some(disposition.as_bytes()))
}

#[test]
fn content_disposition_names_the_file() {
    assert_eq!(named("attachment; filename=\"report.csv\"").as_deref(), Some("report.csv"));
    let both = "attachment; filename=\"x.csv\"; filename*=UTF-8''%E5%AF%BC%E5%87%BA.csv";
    assert_eq!(named(both).as_deref(), Some("\u{5bfc}\u{51fa}.csv"));
}

#[test]
fn without_content_disposition_the_url_names_the_file() {
    assert_eq!(suggested(URL, None).as_deref(), Some("a.csv"));
    assert_eq!(
        suggested("https://h.example/p%2Fq%2B(1)%20x.csv", None).as_deref(),
        Some("q+(1) x.csv")
    );
    assert_eq!(suggested("https://h.example/a/?name=b.csv", None), None);
}

#[test]
fn a_suggested_name_has_no_path() {
    for value in [
        "attachment; filename=\"../../x.csv\"",
        "attachment; filename=\"..\\\\..\\\\x.csv\"",
        "attachment; filename=/tmp/x.csv",
        "attachment; filename*=UTF-8''..%2F..%2Fx.csv",
        "attachment; filename*=UTF-8''..%5Cx.csv",
        "attachment; filename=\"C:\\\\x.csv\"",
    ] {
        assert_eq!(named(value).as_deref(), Some("x.csv"), "{value}");
    }
    let url = "https://h.example/a/%2E%2E%2F%2E%2E%2Fx.csv";
    assert_eq!(suggested(url, None).as_deref(), Some("x.csv"));
}

#[test]
fn an_unusable_name_is_replaced_by_the_name_in_the_url() {
    for value in
        ["attachment; filename=\"..\"", "attachment; filename=\" \"", "attachment; filename=NUL"]
    {
        assert_eq!(named(value).as_deref(), Some("a.csv"), "{value}");
    }
}

/// Checks that every system accepts this name.
fn assert_safe(name: &str) {
    assert!(!name.is_empty() && name.len() <= 255);
    assert!(!name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']), "{name:?}");
    assert!(!name.contains(char::is_control), "{name:?}");
    assert!(!name.starts_with(['.', ' ']), "{name:?}");
    assert!(!name.ends_with(['.', ' ']), "{name:?}");
}

#[test]
fn a_truncated_name_does_not_end_in_a_dot_or_space() {
    for end in [". b", " b", "...b"] {
        let long = format!("{}{end}", "a".repeat(199));
        assert_safe(&named(&format!("attachment; filename=\"{long}\"")).unwrap());
    }
}

proptest! {
    #[test]
    fn any_content_disposition_yields_a_safe_name_or_none(value in "[ -~\u{80}-\u{ffff}]{0,80}") {
        if let Some(name) = named(&value) {
            assert_safe(&name);
        }
    }

    #[test]
    fn any_quoted_filename_yields_a_safe_name_or_none(value in "[ !#-~\u{80}-\u{ffff}]{0,300}") {
        if let Some(name) = named(&format!("attachment; filename=\"{value}\"")) {
            assert_safe(&name);
        }
    }

    #[test]
    fn any_url_path_yields_a_safe_name_or_none(path in "([a-z./ ]|%[0-9a-f]{2}){0,80}") {
        let text = format!("https://h.example/{}", path.replace(' ', "+"));
        if let Some(name) = suggested(&text, None) {
            assert_safe(&name);
        }
    }
}
