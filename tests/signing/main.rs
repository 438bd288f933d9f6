//! Each stage of a signature against signatures made by other programs, and what holds for any
//! input.

#[path = "../common/mod.rs"]
mod common;
mod documented;
mod properties;
mod sessions;
mod variants;
mod vectors;
mod verifier;

use tcss_export::{
    Credentials,
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization,
    },
};

/// Everything that a signature depends on.
#[derive(Clone, Debug)]
struct Input {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    /// `None` if the payload is not signed.
    payload: Option<Vec<u8>>,
    service: String,
    timestamp: i64,
    id: String,
    key: String,
}

/// The text of each stage of a signature, in order.
#[derive(Clone, Debug, PartialEq)]
struct Stages([(&'static str, String); 7]);

impl Input {
    fn stages(&self) -> Stages {
        let credentials = Credentials::new(&*self.id, &*self.key).expect("a key pair");
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = CanonicalHeaders::new(headers).expect("signed headers");
        let payload_hash =
            self.payload.as_ref().map_or_else(HexDigest::unsigned_payload, |p| HexDigest::of(p));
        let request =
            CanonicalRequest::new(&self.method, &self.path, &self.query, &headers, payload_hash);
        let timestamp = Timestamp::new(self.timestamp).expect("a four-digit year");
        let text = StringToSign::new(timestamp, &self.service, request.hash());
        let scope = text.scope();
        let signature = SigningKey::derive(&credentials, &scope).sign(&text);
        let value = authorization(&credentials, &scope, headers.names(), &signature);
        Stages([
            ("payload hash", request.payload_hash().to_string()),
            ("canonical request", request.to_string()),
            ("hash of the canonical request", request.hash().to_string()),
            ("credential scope", scope.to_string()),
            ("string to sign", text.to_string()),
            ("signature", signature.as_str().to_owned()),
            ("authorization", value.expect("a header").to_str().expect("ASCII").to_owned()),
        ])
    }

    fn signature(&self) -> String {
        self.stages().0[5].1.clone()
    }
}

impl Stages {
    /// Describes the first stage that differs from the expected one.
    fn first_difference(&self, expected: &Self) -> Option<String> {
        let mut pairs = self.0.iter().zip(&expected.0);
        let (computed, expected) = pairs.find(|(computed, expected)| computed != expected)?;
        Some(format!("{}:\n{}\nexpected:\n{}", computed.0, computed.1, expected.1))
    }
}
