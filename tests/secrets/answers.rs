//! Errors of answers, and URLs of result files.

use tcss_export::{DownloadUrl, actions::DescribeExportJobResult, core::read_answer};

use crate::{
    QUERY, URL, assert_chain_clean, assert_clean, assert_debug_clean, assert_display_clean,
    bad_answers,
    common::{KEY, read},
};

#[test]
fn no_error_of_an_answer_shows_a_secret() {
    for response in bad_answers() {
        let error = read_answer::<DescribeExportJobResult>(&response).unwrap_err();
        assert_chain_clean(&error);
        assert_debug_clean(error.kind());
        assert_clean(&error.kind().to_string());
    }
}

#[test]
fn a_url_shows_no_query() {
    let url = DownloadUrl::new(URL).unwrap();
    assert_display_clean(&url);
    assert_eq!(url.to_string(), "https://h.example/a.csv?...");
    assert_eq!(url.as_str(), URL);
    assert_eq!(url.into_string(), URL);
}

#[test]
fn a_url_of_any_form_shows_no_query() {
    for url in [
        format!("?{QUERY}"),
        format!("//h.example?{QUERY}"),
        format!("h.example/a?b?{QUERY}"),
        format!("https://h.example/a#{QUERY}"),
        format!("https://h.example/a#b?{QUERY}"),
        format!("https://user:{KEY}@h.example/a?{QUERY}"),
        format!("https://user:{KEY}@x@h.example"),
        format!("ftp://h.example/a?x=https://y?{QUERY}"),
    ] {
        assert_display_clean(&DownloadUrl::new(url).unwrap());
    }
}

#[test]
fn a_url_in_an_answer_shows_no_query() {
    let body = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
    let answer = read(200, &[], body).unwrap();
    assert_debug_clean(&answer);
    assert_debug_clean(&answer.response);
}
