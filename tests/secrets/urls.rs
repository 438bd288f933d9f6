//! URLs of results.

use tcss_export::DownloadUrl;

use crate::{
    common::{KEY, read},
    looking::{QUERY, URL, assert_debug_clean, assert_shown_clean},
};
#[test]
fn url_shows_no_query() {
    let url = DownloadUrl::new(URL).unwrap();
    assert_shown_clean(&url);
    assert_eq!(url.to_string(), "https://h.example/a.csv?...");
    assert_eq!(url.as_str(), URL);
    assert_eq!(url.into_string(), URL);
}

#[test]
fn url_of_any_form_shows_no_query() {
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
        assert_shown_clean(&DownloadUrl::new(url).unwrap());
    }
}

#[test]
fn url_in_an_answer() {
    let body = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
    let answer = read(200, &[], body).unwrap();
    assert_debug_clean(&answer);
    assert_debug_clean(&answer.response);
}
