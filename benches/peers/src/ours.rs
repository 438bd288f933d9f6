//! This client.

use std::{hint::black_box, rc::Rc};

use http::Response;
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    actions::DescribeExportJobResult,
    core::{Wall, read_answer},
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization as header,
    },
};

use crate::{HOST, JOB, PAYLOAD, RUNNING, Result, SECRET_ID, SECRET_KEY, Work, unix_seconds};

pub fn works() -> Result<[(&'static str, Work); 3]> {
    let signer = Signer::new(&[], unix_seconds())?;
    let signature = move || {
        let authorization = signer.authorization(black_box(PAYLOAD), unix_seconds());
        black_box(authorization.expect("signed"));
    };
    let action = Rc::new(DescribeExportJobResult::new(JobId::new(JOB)?));
    let credentials = Rc::new(Credentials::new(SECRET_ID, SECRET_KEY)?);
    let mut session = Session::new(Endpoint::international());
    let mut other = session.clone();
    let (same_action, same_credentials) = (Rc::clone(&action), Rc::clone(&credentials));
    let answer = Response::new(RUNNING);
    let request = |session: &mut Session, action: &DescribeExportJobResult, credentials: &_| {
        let now = Wall::from_unix_seconds(unix_seconds());
        black_box(session.request(black_box(action), credentials, now).expect("signed"));
    };
    Ok([
        ("ours/signature", Box::new(signature)),
        ("ours/request", Box::new(move || request(&mut session, &action, &credentials))),
        (
            "ours/request and answer",
            Box::new(move || {
                request(&mut other, &same_action, &same_credentials);
                let read = read_answer::<DescribeExportJobResult>(black_box(&answer));
                black_box(read.expect("running"));
            }),
        ),
    ])
}

/// The stages of a signature, with the headers that most peers sign and the key of the day.
struct Signer {
    credentials: Credentials,
    headers: CanonicalHeaders,
    key: SigningKey,
}

impl Signer {
    fn new(more_headers: &[(&str, &str)], time: i64) -> Result<Self> {
        let credentials = Credentials::new(SECRET_ID, SECRET_KEY)?;
        let headers = [("content-type", "application/json; charset=utf-8"), ("host", HOST)];
        let headers = CanonicalHeaders::new(headers.iter().chain(more_headers).copied())?;
        let hash = HexDigest::of(b"");
        let scope = StringToSign::new(Timestamp::new(time)?, "tcss", hash).scope();
        let key = SigningKey::derive(&credentials, &scope);
        Ok(Self { credentials, headers, key })
    }

    fn authorization(&self, payload: &str, time: i64) -> Result<http::HeaderValue> {
        let hash = HexDigest::of(payload.as_bytes());
        let request = CanonicalRequest::new("POST", "/", "", &self.headers, hash);
        let text = StringToSign::new(Timestamp::new(time)?, "tcss", request.hash());
        let signature = self.key.sign(&text);
        Ok(header(&self.credentials, &text.scope(), self.headers.names(), &signature)?)
    }
}

pub fn authorization(more_headers: &[(&str, &str)], time: i64) -> Result<String> {
    let signer = Signer::new(more_headers, time)?;
    Ok(signer.authorization(PAYLOAD, time)?.to_str()?.to_owned())
}
