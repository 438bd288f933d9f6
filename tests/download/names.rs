//! The name that is suggested for a file: never with path parts, whatever a server or a URL says.

use proptest::prelude::*;
use tcss_export::{
    core::{Mono, download::Download},
    download::Policy,
};

use crate::{
    server::Answer,
    trial::{Trial, URL, url},
};

/// Returns the name after an answer with this `Content-Disposition` to this URL.
fn suggested(text: &str, disposition: Option<&[u8]>) -> Option<String> {
    let download = Download::new(url(text), &Policy::default(), 7, Mono::default()).unwrap();
    let mut answer = Answer::new(200, &[("content-length", "1")], "x");
    if let Some(disposition) = disposition {
        let value = http::HeaderValue::from_bytes(disposition).unwrap();
        let headers = &mut answer.head.as_mut().unwrap().headers;
        headers.insert("content-disposition", value);
    }
    let mut trial = Trial::of(download);
    trial.answer(&answer);
    trial.outcome().unwrap().report.suggested_name
}

fn named(disposition: &str) -> Option<String> {
    suggested(URL, Some(disposition.as_bytes()))
}

#[test]
fn the_server_names_the_file() {
    assert_eq!(named("attachment; filename=\"report.csv\"").as_deref(), Some("report.csv"));
    let both = "attachment; filename=\"x.csv\"; filename*=UTF-8''%E5%AF%BC%E5%87%BA.csv";
    assert_eq!(named(both).as_deref(), Some("\u{5bfc}\u{51fa}.csv"));
}

#[test]
fn else_the_url_does() {
    assert_eq!(suggested(URL, None).as_deref(), Some("a.csv"));
    assert_eq!(
        suggested("https://h.example/p%2Fq%2B(1)%20x.csv", None).as_deref(),
        Some("q+(1) x.csv")
    );
    assert_eq!(suggested("https://h.example/a/?name=b.csv", None), None);
}

#[test]
fn no_name_leads_out_of_a_folder() {
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
fn a_name_that_cannot_be_one_gives_way_to_the_urls() {
    for value in
        ["attachment; filename=\"..\"", "attachment; filename=\" \"", "attachment; filename=NUL"]
    {
        assert_eq!(named(value).as_deref(), Some("a.csv"), "{value}");
    }
}

/// Checks what no name may be on any system.
fn assert_plain(name: &str) {
    assert!(!name.is_empty() && name.len() <= 255);
    assert!(!name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']), "{name:?}");
    assert!(!name.contains(char::is_control), "{name:?}");
    assert!(!name.starts_with(['.', ' ']), "{name:?}");
    assert!(!name.ends_with(['.', ' ']), "{name:?}");
}

#[test]
fn a_name_that_is_cut_does_not_end_oddly() {
    for end in [". b", " b", "...b"] {
        let long = format!("{}{end}", "a".repeat(199));
        assert_plain(&named(&format!("attachment; filename=\"{long}\"")).unwrap());
    }
}

proptest! {
    #[test]
    fn any_disposition_gives_a_plain_name_or_none(value in "[ -~\u{80}-\u{ffff}]{0,80}") {
        if let Some(name) = named(&value) {
            assert_plain(&name);
        }
    }

    #[test]
    fn any_named_text_gives_a_plain_name(value in "[ !#-~\u{80}-\u{ffff}]{0,300}") {
        if let Some(name) = named(&format!("attachment; filename=\"{value}\"")) {
            assert_plain(&name);
        }
    }

    #[test]
    fn any_path_gives_a_plain_name_or_none(path in "([a-z./ ]|%[0-9a-f]{2}){0,80}") {
        let text = format!("https://h.example/{}", path.replace(' ', "+"));
        if let Some(name) = suggested(&text, None) {
            assert_plain(&name);
        }
    }
}
