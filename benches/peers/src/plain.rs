//! A program of one's own, as the service's guide to TC3-HMAC-SHA256 leads to.

use std::hint::black_box;

use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{HOST, JOB, PAYLOAD, RUNNING, SECRET_ID, SECRET_KEY, Work, unix_seconds};

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

pub fn works() -> [(&'static str, Work); 3] {
    let signature = || _ = black_box(authorization(black_box(PAYLOAD), unix_seconds()));
    let whole_request = || _ = black_box(request(black_box(JOB)));
    let exchange = || {
        black_box(request(black_box(JOB)));
        black_box(status(black_box(RUNNING)).expect("running"));
    };
    [
        ("plain/signature", Box::new(signature)),
        ("plain/request", Box::new(whole_request)),
        ("plain/request and answer", Box::new(exchange)),
    ]
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub fn authorization(payload: &str, timestamp: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(timestamp).expect("a time").date().to_string();
    let payload_hash = hex::encode(Sha256::digest(payload));
    let canonical_request = format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{HOST}\n\ncontent-type;host\n{payload_hash}"
    );
    let scope = format!("{date}/tcss/tc3_request");
    let request_hash = hex::encode(Sha256::digest(canonical_request));
    let string_to_sign = format!("TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{request_hash}");
    let secret_date = hmac(format!("TC3{SECRET_KEY}").as_bytes(), &date);
    let secret_service = hmac(&secret_date, "tcss");
    let secret_signing = hmac(&secret_service, "tc3_request");
    let signature = hex::encode(hmac(&secret_signing, &string_to_sign));
    format!(
        "TC3-HMAC-SHA256 Credential={SECRET_ID}/{scope}, SignedHeaders=content-type;host, \
         Signature={signature}"
    )
}

fn request(job: &str) -> Request<String> {
    let timestamp = unix_seconds();
    let payload = json!({ "JobId": job }).to_string();
    Request::builder()
        .method("POST")
        .uri(format!("https://{HOST}/"))
        .header("Host", HOST)
        .header("Content-Type", CONTENT_TYPE)
        .header("X-TC-Action", "DescribeExportJobResult")
        .header("X-TC-Version", "2020-11-01")
        .header("X-TC-Timestamp", timestamp.to_string())
        .header("Authorization", authorization(&payload, timestamp))
        .body(payload)
        .expect("a request")
}

fn status(body: &str) -> Result<(String, String, f64), String> {
    let answer: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let response = &answer["Response"];
    if let Some(error) = response.get("Error") {
        return Err(error["Message"].to_string());
    }
    let text = |name: &str| response[name].as_str().unwrap_or_default().to_owned();
    let progress = response["ExportProgress"].as_f64().unwrap_or_default();
    Ok((text("ExportStatus"), text("DownloadURL"), progress))
}
