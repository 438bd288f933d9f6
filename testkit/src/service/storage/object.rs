//! The file with its ETag and checksum, and the answers with its bytes.

use std::io;

use hyper::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, DATE, ETAG, HeaderValue, LAST_MODIFIED,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::file::{Content, ServedFile, invalid};
use super::range::Range;
use crate::clock::http_date;
use crate::download_faults::DownloadFault;
use crate::service::answer::{Context, set_header};
use crate::service::body::Body;

/// The `Last-Modified` of every file.
const MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

pub(in crate::service) struct Object {
    content: Content,
    pub(super) length: u64,
    pub(in crate::service) crc64: u64,
    etag: String,
    /// The number of changes of the ETag to a made-up one.
    changes: usize,
    has_crc: bool,
    disposition: Option<HeaderValue>,
}

impl Object {
    pub(super) fn new(file: ServedFile) -> io::Result<Self> {
        let (content, has_crc) = (file.content, file.has_crc);
        let (length, crc64) = (content.length()?, content.crc64()?);
        let etag = file.etag.unwrap_or_else(|| format!("\"{crc64:016x}{length:016x}\""));
        HeaderValue::try_from(&etag).map_err(|_| invalid("expected an ETag a header can hold"))?;
        let disposition = file.disposition.unwrap_or_else(|| attachment(&file.name));
        let disposition = (!disposition.is_empty())
            .then(|| HeaderValue::from_bytes(disposition.as_bytes()))
            .transpose()
            .map_err(|_| invalid("expected a disposition a header can hold"))?;
        Ok(Self { content, length, crc64, etag, changes: 0, has_crc, disposition })
    }

    /// Changes the ETag to this text in quotes, or to a new one.
    pub(super) fn change_etag(&mut self, text: Option<&str>) {
        self.etag = match text {
            Some(text) => format!("\"{text}\""),
            None => {
                self.changes += 1;
                format!("\"{:016x}-{}\"", self.crc64, self.changes)
            }
        };
    }

    /// Returns the ETag of an answer with this fault.
    pub(super) fn etag_for(&self, fault: &DownloadFault) -> Option<String> {
        match fault {
            DownloadFault::NoETag => None,
            DownloadFault::Weak => Some(format!("W/{}", self.etag)),
            _ => Some(self.etag.clone()),
        }
    }

    /// Returns the answer with the bytes of this range.
    pub(super) fn response(
        &self,
        range: Range,
        fault: &DownloadFault,
        context: &Context,
    ) -> io::Result<Response<Body>> {
        let (first, length) = range.start_and_length(self.length);
        let body = Body::new(self.content.open(first)?, length);
        let mut response = Response::new(with_fault(body, fault));
        if let Range::Part(first, last) = range {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {first}-{last}/{}", self.length);
            set_header(response.headers_mut(), CONTENT_RANGE, &range);
        }
        self.describe(response.headers_mut(), fault, context);
        if !matches!(fault, DownloadFault::Chunked | DownloadFault::ChunkedCut(_)) {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        Ok(response)
    }

    fn describe(&self, headers: &mut HeaderMap, fault: &DownloadFault, context: &Context) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(LAST_MODIFIED, HeaderValue::from_static(MODIFIED));
        set_header(headers, DATE, &http_date(context.now));
        if let Some(etag) = self.etag_for(fault) {
            set_header(headers, ETAG, &etag);
        }
        if let Some(crc64) = self.crc64_for(fault) {
            headers.insert("x-cos-hash-crc64ecma", crc64.into());
        }
        if let Some(disposition) = &self.disposition {
            headers.insert(CONTENT_DISPOSITION, disposition.clone());
        }
        if *fault == DownloadFault::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }

    /// Returns the checksum in an answer with this fault.
    fn crc64_for(&self, fault: &DownloadFault) -> Option<u64> {
        match fault {
            DownloadFault::NoCrc => None,
            DownloadFault::Crc => Some(!self.crc64),
            _ => self.has_crc.then_some(self.crc64),
        }
    }
}

fn with_fault(body: Body, fault: &DownloadFault) -> Body {
    match fault {
        DownloadFault::Cut(bytes) | DownloadFault::ChunkedCut(bytes) => body.cut_after(*bytes),
        DownloadFault::Stall(bytes) => body.stalled_after(*bytes),
        DownloadFault::Slow(bytes) => body.paced(*bytes),
        _ => body,
    }
}

fn attachment(name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("attachment; filename=\"{name}\"")
}
