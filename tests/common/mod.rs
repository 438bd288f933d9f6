//! Shared by several test binaries: one example request, its parts on the wire, and the check of
//! its signature by a verifier that shares no code with the signer.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    actions::{Answer, DescribeExportJobResult, DescribeExportJobResultResponse},
    core::{Wall, read_answer},
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

/// The signature of [`signed_request`] over `content-type;host;x-tc-action`.
pub(crate) const SIGNATURE: &str =
    "295587ae31998eaf3cf0bb49ebb10a1d3c4e3fcf7b682522f9a131da6b8aec27";

pub(crate) fn credentials() -> Credentials {
    Credentials::new(ID, KEY).expect("a valid example")
}

pub(crate) fn with_token() -> Credentials {
    credentials().with_token(TOKEN).expect("a valid example")
}

pub(crate) fn session() -> Session {
    Session::new(Endpoint::international())
}

pub(crate) fn job() -> JobId {
    JobId::new(JOB).expect("a valid example")
}

pub(crate) fn action() -> DescribeExportJobResult {
    DescribeExportJobResult::new(job())
}

pub(crate) fn at(seconds: i64) -> Wall {
    Wall::from_unix_seconds(seconds)
}

/// Returns the example request as a session signs it.
pub(crate) fn signed_request() -> Request<Bytes> {
    session().request(&action(), &credentials(), at(TIME)).expect("a valid example")
}

/// Returns the value of a header, or "" if it is absent.
pub(crate) fn header<'r>(request: &'r Request<Bytes>, name: &str) -> &'r str {
    request.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

/// Returns the signature in a request's `Authorization`.
pub(crate) fn signature(request: &Request<Bytes>) -> &str {
    let (_, signature) = header(request, "authorization").rsplit_once("=").expect("signed");
    signature
}

/// Returns the credential scope in a request's `Authorization`.
pub(crate) fn scope(request: &Request<Bytes>) -> &str {
    let (_, rest) = header(request, "authorization").split_once('/').expect("signed");
    rest.split_once(", ").expect("three parts").0
}

/// The headers and the body of a request on the wire, which tests may change.
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

    /// Verifies the request as a service would that knows one key pair and has the time `now`.
    pub(crate) fn verify(&self, now: i64, id: &str, key: &str) -> Result<Verified, Refusal> {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let request = RawRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: &self.body,
        };
        Verifier::new("tcss").verify(&request, now, |other| (other == id).then_some(key))
    }

    pub(crate) fn header_mut(&mut self, name: &str) -> &mut String {
        let header = self.headers.iter_mut().find(|header| header.0 == name);
        &mut header.expect("a header that every request has").1
    }
}

/// The result of reading the answer to a poll.
pub(crate) type Read = Result<Answer<DescribeExportJobResultResponse>, ResponseError>;

/// Reads the answer to a poll.
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

/// Decodes base64.
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
