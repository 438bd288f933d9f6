//! Compares signatures of other programs with those of this library.
//!
//! ```text
//! python testkit/conformance/signatures.py 1000 1 | cargo run --example signatures
//! ```

use std::io;

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use tcss_export::{
    Credentials,
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization,
    },
};

/// A request to sign, and the `Authorization` header to expect.
#[derive(Deserialize)]
struct Signed {
    secret_id: String,
    secret_key: String,
    method: String,
    query: String,
    host: String,
    content_type: String,
    service: String,
    timestamp: i64,
    payload_base64: String,
    authorization: String,
}

impl Signed {
    fn compute(&self) -> anyhow::Result<String> {
        let credentials = Credentials::new(&*self.secret_id, &*self.secret_key)?;
        let headers = [("content-type", &*self.content_type), ("host", &*self.host)];
        let headers = CanonicalHeaders::new(headers)?;
        let payload_hash = HexDigest::of(&STANDARD.decode(&self.payload_base64)?);
        let request = CanonicalRequest::new(&self.method, "/", &self.query, &headers, payload_hash);
        let text =
            StringToSign::new(Timestamp::new(self.timestamp)?, &self.service, request.hash());
        let scope = text.scope();
        let signature = SigningKey::derive(&credentials, &scope).sign(&text);
        let value = authorization(&credentials, &scope, headers.names(), &signature)?;
        Ok(value.to_str()?.to_owned())
    }
}

fn main() -> anyhow::Result<()> {
    let mut count = 0;
    for line in io::stdin().lines() {
        let signed: Signed = serde_json::from_str(&line?)?;
        count += 1;
        let computed = signed.compute().with_context(|| format!("request {count}"))?;
        ensure!(computed == signed.authorization, "request {count} is signed differently");
    }
    ensure!(count > 0, "no signatures were read");
    println!("{count} signatures are equal");
    Ok(())
}
