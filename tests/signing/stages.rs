//! What each stage of a signature gives.

use tcss_export::{
    Credentials,
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization,
    },
};

/// All that a signature depends on.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    /// `None` for a payload that is not signed.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) service: String,
    pub(crate) timestamp: i64,
    pub(crate) id: String,
    pub(crate) key: String,
}

/// What every stage of a signature gave, in their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stages(pub(crate) [(&'static str, String); 7]);

impl Input {
    pub(crate) fn stages(&self) -> Stages {
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

    pub(crate) fn signature(&self) -> String {
        self.stages().0[5].1.clone()
    }
}

impl Stages {
    /// Names the first stage that is another one than expected.
    pub(crate) fn first_difference(&self, expected: &Self) -> Option<String> {
        let mut pairs = self.0.iter().zip(&expected.0);
        let (computed, expected) = pairs.find(|(computed, expected)| computed != expected)?;
        Some(format!("{}:\n{}\nexpected:\n{}", computed.0, computed.1, expected.1))
    }
}
