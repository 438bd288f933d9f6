//! The question for the URL of a result.

use tcss_export::{DownloadUrl, actions::DescribeExportJobDownloadURL as Locate};

use crate::{
    common::job,
    exchange::{read, sent},
};

#[test]
fn question_spells_its_id_in_its_own_way() {
    let (name, body) = sent(&Locate::new(job()));
    assert_eq!(name, "DescribeExportJobDownloadURL");
    assert_eq!(body, r#"{"JobID":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}"#);
}

#[test]
fn url_is_kept_as_it_is() {
    let response = read::<Locate>(r#""DownloadURL":"http://1.2.3.4/result.csv""#).unwrap();
    let url = response.download_url.as_ref().map(DownloadUrl::as_str);
    assert_eq!(url, Some("http://1.2.3.4/result.csv"));
}

// Field case D12.
#[test]
fn d12_escapes_in_a_url_are_undone() {
    let response = read::<Locate>(r#""DownloadURL":"https:\/\/h.example\/a?x=1\u0026y=2""#);
    let url = response.unwrap().download_url.map(DownloadUrl::into_string);
    assert_eq!(url.as_deref(), Some("https://h.example/a?x=1&y=2"));
}

// Field case D11.
#[test]
fn d11_query_of_a_url_is_not_shown() {
    let response = read::<Locate>(r#""DownloadURL":"https://h.example/a?sign=EXAMPLE""#);
    assert!(!format!("{response:?}").contains("EXAMPLE"), "{response:?}");
}

#[test]
fn empty_null_absent_and_other_types_are_no_url() {
    for members in [
        "",
        r#""DownloadURL":null"#,
        r#""DownloadURL":"""#,
        r#""DownloadURL":5"#,
        r#""DownloadURL":["https://h.example/"]"#,
        r#""DownloadUrl":"https://h.example/""#,
    ] {
        assert_eq!(read::<Locate>(members).expect(members).download_url, None, "{members}");
    }
}
