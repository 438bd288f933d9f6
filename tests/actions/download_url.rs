//! `DescribeExportJobDownloadURL`.

use tcss_export::{DownloadUrl, core::actions::DescribeExportJobDownloadURL as Locate};

use crate::{common::job, read, sent};

#[test]
fn the_job_id_is_sent_as_job_id_with_a_capital_d() {
    let (name, body) = sent(&Locate::new(job()));
    assert_eq!(name, "DescribeExportJobDownloadURL");
    assert_eq!(body, r#"{"JobID":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}"#);
}

#[test]
fn the_url_is_kept_unchanged() {
    let response = read::<Locate>(r#""DownloadURL":"http://1.2.3.4/result.csv""#).unwrap();
    let url = response.download_url.as_ref().map(DownloadUrl::as_str);
    assert_eq!(url, Some("http://1.2.3.4/result.csv"));
}

#[test]
fn json_escapes_in_a_url_are_decoded() {
    let response = read::<Locate>(r#""DownloadURL":"https:\/\/h.example\/a?x=1\u0026y=2""#);
    let url = response.unwrap().download_url.map(DownloadUrl::into_string);
    assert_eq!(url.as_deref(), Some("https://h.example/a?x=1&y=2"));
}

#[test]
fn debug_output_hides_the_query_of_a_url() {
    let response = read::<Locate>(r#""DownloadURL":"https://h.example/a?sign=EXAMPLE""#);
    assert!(!format!("{response:?}").contains("EXAMPLE"), "{response:?}");
}

#[test]
fn an_empty_null_absent_or_mistyped_url_reads_as_none() {
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
