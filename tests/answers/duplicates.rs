//! Members that come twice.

use tcss_export::{actions::ExportStatus, error::ResponseErrorKind as Kind};

use crate::reading::read_ok;

/// Makes one test a member that stands there twice: the whole answer is unusable.
macro_rules! twice {
    ($($name:ident: $members:literal;)*) => {$(
        #[test]
        fn $name() {
            let body = concat!(r#"{"Response":{"#, $members, "}}");
            assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected);
        }
    )*};
}

twice! {
    status: r#""ExportStatus":"RUNNING","ExportStatus":"SUCCESS""#;
    url: r#""DownloadURL":"a","DownloadURL":"b","ExportStatus":"SUCCESS""#;
    progress: r#""ExportProgress":1,"ExportProgress":null,"ExportStatus":"SUCCESS""#;
    message: r#""FailureMsg":"a","FailureMsg":"a","ExportStatus":"FAILURE""#;
    request_id: r#""RequestId":"r-1","ExportStatus":"SUCCESS","RequestId":"r-2""#;
    error: r#""Error":{"Code":"A","Message":"m"},"Error":{"Code":"B","Message":"m"}"#;
    error_and_then_null: r#""Error":{"Code":"A","Message":"m"},"Error":null,"ExportStatus":"SUCCESS""#;
    null_and_then_error: r#""Error":null,"Error":{"Code":"A","Message":"m"}"#;
    one_of_them_with_escapes: r#""ExportStatus":"RUNNING","\u0045xportStatus":"SUCCESS""#;
}

#[test]
fn response_object() {
    let body = r#"{"Response":{"ExportStatus":"RUNNING"},"Response":{"ExportStatus":"SUCCESS"}}"#;
    assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected);
}

#[test]
fn of_an_unknown_member_do_not_matter() {
    let body = r#"{"a":1,"Response":{"New":1,"New":2,"ExportStatus":"RUNNING"},"a":2}"#;
    assert_eq!(read_ok(body).unwrap().response.status, ExportStatus::Running);
}
