//! What comes of a request.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tcss_export::driver::TransportErrorKind;

use crate::{common::response, rig::ZERO};

/// What comes of one request, how long it takes, and how the wall clock jumps then.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) answer: Result<Response<Bytes>, TransportErrorKind>,
    pub(crate) took: Duration,
    pub(crate) jump: i64,
}

impl Exchange {
    pub(crate) fn taking(self, took: Duration) -> Self {
        Self { took, ..self }
    }

    pub(crate) fn then_wall_jumps(self, seconds: i64) -> Self {
        Self { jump: seconds, ..self }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let headers = self.answer.as_mut().expect("an answer").headers_mut();
        headers.append(name, value.parse().expect("a header"));
        self
    }

    pub(crate) fn dated(self, date: &str) -> Self {
        self.with_header("date", date)
    }
}

pub(crate) fn said(status: u16, body: &str) -> Exchange {
    Exchange { answer: Ok(response(status, &[], body)), took: ZERO, jump: 0 }
}

/// An answer whose `Response` object has these members.
pub(crate) fn members(members: &str) -> Exchange {
    said(200, &format!(r#"{{"Response":{{{members}}}}}"#))
}

pub(crate) fn running() -> Exchange {
    members(r#""ExportStatus":"RUNNING","ExportProgress":42,"RequestId":"r-running""#)
}

pub(crate) const URL: &str = "https://h.example/a.csv?sign=EXAMPLE";

pub(crate) fn success() -> Exchange {
    members(&format!(r#""ExportStatus":"SUCCESS","DownloadURL":"{URL}","RequestId":"r-success""#))
}

pub(crate) fn api(code: &str) -> Exchange {
    members(&format!(r#""Error":{{"Code":"{code}","Message":"m"}},"RequestId":"r-{code}""#))
}

pub(crate) fn fault(fault: TransportErrorKind) -> Exchange {
    Exchange { answer: Err(fault), took: ZERO, jump: 0 }
}
