//! Answers of the service, read as a client reads them.

use tcss_export::actions::{DescribeExportJobResultResponse, ExportStatus};

use crate::common::{Read, read};

/// Reads a body that came with status 200 and nothing else.
pub(crate) fn read_ok(body: impl AsRef<[u8]>) -> Read {
    read(200, &[], body)
}

/// Reads a `Response` object with these members.
pub(crate) fn members(members: &str) -> DescribeExportJobResultResponse {
    read_ok(format!(r#"{{"Response":{{{members}}}}}"#)).expect(members).response
}

pub(crate) fn unknown(text: &str) -> ExportStatus {
    ExportStatus::Unknown(text.to_owned())
}

pub(crate) fn url_of(response: &DescribeExportJobResultResponse) -> Option<&str> {
    response.download_url.as_ref().map(tcss_export::DownloadUrl::as_str)
}

pub(crate) const GOOD: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/导.csv?sign=EXAMPLE","ExportProgress":99.9,"FailureMsg":"a\n\u0062","RequestId":"r-1"}}"#;
