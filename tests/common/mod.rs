//! What several test files share: the fixture F0 of the field cases, a request as it stands on
//! the wire, and the service's own view of its signature.
#![allow(dead_code, reason = "each test file uses a part of it")]

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    actions::{DescribeExportJobResult, DescribeExportJobResultResponse},
    core::{Answer, Wall, read_answer},
    error::ResponseError,
};
use tcss_export_testkit::verify::{RawRequest, Refusal, Verified, Verifier};

pub(crate) const ID: &str = "AKIDFIELDCASES0001";
pub(crate) const KEY: &str = "FieldCasesSecretKey0001";
pub(crate) const TOKEN: &str = "FieldCasesToken0001";
pub(crate) const HOST: &str = "tcss.intl.tencentcloudapi.com";
pub(crate) const JOB: &str = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10";
pub(crate) const BODY: &str = r#"{"JobId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}"#;
/// 2023-11-14T16:30:00Z.
pub(crate) const TIME: i64 = 1_699_979_400;
/// F0's signature over `content-type;host;x-tc-action`.
pub(crate) const SIGNATURE: &str =
    "295587ae31998eaf3cf0bb49ebb10a1d3c4e3fcf7b682522f9a131da6b8aec27";

pub(crate) fn credentials() -> Credentials {
    Credentials::new(ID, KEY).expect("F0")
}

pub(crate) fn with_token() -> Credentials {
    credentials().with_token(TOKEN).expect("F0")
}

pub(crate) fn session() -> Session {
    Session::new(Endpoint::international())
}

pub(crate) fn job() -> JobId {
    JobId::new(JOB).expect("F0")
}

pub(crate) fn action() -> DescribeExportJobResult {
    DescribeExportJobResult::new(job())
}

pub(crate) fn at(seconds: i64) -> Wall {
    Wall::from_unix_seconds(seconds)
}

/// F0 as a session signs it.
pub(crate) fn f0() -> Request<Bytes> {
    session().request(&action(), &credentials(), at(TIME)).expect("F0")
}

/// Returns the one value of a header, or "" without it.
pub(crate) fn header<'r>(request: &'r Request<Bytes>, name: &str) -> &'r str {
    request.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

/// Returns the signature in a request's `Authorization`.
pub(crate) fn signature(request: &Request<Bytes>) -> &str {
    let (_, signature) = header(request, "authorization").rsplit_once("=").expect("signed");
    signature
}

/// Returns the scope in a request's `Authorization`, without the id.
pub(crate) fn scope(request: &Request<Bytes>) -> &str {
    let (_, rest) = header(request, "authorization").split_once('/').expect("signed");
    rest.split_once(", ").expect("three parts").0
}

/// A request in the parts that stand on the wire, open to changes.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn of(request: &Request<Bytes>) -> Self {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/"));
        assert_eq!(request.uri().query(), None);
        let text = |value: &http::HeaderValue| value.to_str().expect("ASCII").to_owned();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        Self { headers, body: request.body().to_vec() }
    }

    /// Judges the request as a service that knows one key pair does at its time `now`.
    pub(crate) fn verify(&self, now: i64, id: &str, key: &str) -> Result<Verified, Refusal> {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let request = RawRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: &self.body,
        };
        Verifier::new("tcss").verify(&request, now, |named| (named == id).then_some(key))
    }

    pub(crate) fn header_mut(&mut self, name: &str) -> &mut String {
        let header = self.headers.iter_mut().find(|header| header.0 == name);
        &mut header.expect("a header that every request has").1
    }
}

/// Reads an answer to the poll of a job.
pub(crate) type Read = Result<Answer<DescribeExportJobResultResponse>, ResponseError>;

/// Reads a body that came with a status and headers.
pub(crate) fn read(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Read {
    read_answer::<DescribeExportJobResult>(&response(status, headers, body))
}

pub(crate) fn response(
    status: u16,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Response<Bytes> {
    let builder = Response::builder().status(status);
    let builder =
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(Bytes::copy_from_slice(body.as_ref())).expect("a status and headers")
}

/// Decodes the base64 of the vectors and field cases.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').bytes();
    let digits = digits.map(|digit| DIGITS.iter().position(|known| *known == digit));
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        bits = bits << 6 | u32::try_from(digit.expect("base64")).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}
