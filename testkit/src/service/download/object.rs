use std::io;

use hyper::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, DATE, ETAG, HeaderValue, LAST_MODIFIED,
};
use hyper::{Response, StatusCode};

use super::content::Content;
use super::range::Wanted;
use super::{ServedFile, invalid, set};
use crate::calendar::http_date;
use crate::faults::DownloadFault;
use crate::service::answer::Context;
use crate::service::body::AnswerBody;

/// When every file was changed last, as the service says.
const CHANGED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

/// The file as the storage keeps it: its bytes and what is said about them.
pub(super) struct Object {
    pub(super) content: Content,
    pub(super) crc64: u64,
    etag: String,
    /// How often the ETag has changed without a text of its own.
    changes: usize,
    names_crc: bool,
    disposition: Option<HeaderValue>,
}

impl Object {
    pub(super) fn new(file: ServedFile) -> io::Result<Self> {
        let content = file.source.content()?;
        let crc64 = content.crc64()?;
        let etag =
            file.etag.unwrap_or_else(|| format!("\"{crc64:016x}{:016x}\"", content.length()));
        HeaderValue::try_from(&etag).map_err(|_| invalid("expected an ETag a header can hold"))?;
        let disposition = file.disposition.unwrap_or_else(|| attachment(&file.name));
        let disposition = match disposition.as_str() {
            "" => None,
            text => Some(
                HeaderValue::from_bytes(text.as_bytes())
                    .map_err(|_| invalid("expected a disposition a header can hold"))?,
            ),
        };
        Ok(Self { content, crc64, etag, changes: 0, names_crc: file.names_crc, disposition })
    }

    /// Takes another ETag, which is this text in quotes or one that was not there before.
    pub(super) fn change_etag(&mut self, text: Option<&str>) {
        self.etag = match text {
            Some(text) => format!("\"{text}\""),
            None => {
                self.changes += 1;
                format!("\"{:016x}-{}\"", self.crc64, self.changes)
            }
        };
    }

    /// Returns the ETag that an answer with this fault has.
    pub(super) fn etag_in(&self, fault: &DownloadFault) -> Option<String> {
        match fault {
            DownloadFault::NoETag => None,
            DownloadFault::Weak => Some(format!("W/{}", self.etag)),
            _ => Some(self.etag.clone()),
        }
    }

    /// Returns the answer with these bytes.
    pub(super) fn response(
        &self,
        wanted: Wanted,
        fault: &DownloadFault,
        context: &Context,
    ) -> io::Result<Response<AnswerBody>> {
        let total = self.content.length();
        let (first, length) = wanted.place(total);
        let body = faulty(AnswerBody::new(self.content.open(first)?, length), fault);
        let mut response = Response::new(body);
        if let Wanted::Part(first, last) = wanted {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {first}-{last}/{total}");
            set(response.headers_mut(), CONTENT_RANGE.as_str(), &range);
        }
        self.describe(&mut response, fault, context);
        if !matches!(fault, DownloadFault::Chunked | DownloadFault::ChunkedCut(_)) {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        Ok(response)
    }

    fn describe(
        &self,
        response: &mut Response<AnswerBody>,
        fault: &DownloadFault,
        context: &Context,
    ) {
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(LAST_MODIFIED, HeaderValue::from_static(CHANGED));
        set(headers, DATE.as_str(), &http_date(context.now));
        if let Some(etag) = self.etag_in(fault) {
            set(headers, ETAG.as_str(), &etag);
        }
        if let Some(crc64) = self.crc64_in(fault) {
            headers.insert("x-cos-hash-crc64ecma", crc64.into());
        }
        if let Some(disposition) = &self.disposition {
            headers.insert(CONTENT_DISPOSITION, disposition.clone());
        }
        if *fault == DownloadFault::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }

    /// Returns the checksum that an answer with this fault names.
    fn crc64_in(&self, fault: &DownloadFault) -> Option<u64> {
        match fault {
            DownloadFault::NoCrc => None,
            DownloadFault::Crc => Some(!self.crc64),
            _ => self.names_crc.then_some(self.crc64),
        }
    }
}

fn faulty(body: AnswerBody, fault: &DownloadFault) -> AnswerBody {
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
