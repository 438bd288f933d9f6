//! tencentcloud-sdk, over a transport that answers at once.

use std::{
    hint::black_box,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tencentcloud_sdk::{
    BoxFuture, Client, Credentials, Endpoint, Operation, SdkError,
    runtime::Clock,
    transport::{Transport, TransportRequest, TransportResponse},
};

use crate::{HOST, JOB, RUNNING, Result, SECRET_ID, SECRET_KEY, Work, ready};

pub fn works() -> Result<[(&'static str, Work); 2]> {
    let (refusing, running) = (client(Refusing)?.build()?, client(Running)?.build()?);
    let operation = operation()?;
    let request = operation.clone();
    Ok([
        (
            "tencentcloud-sdk/request",
            Box::new(move || {
                call(&refusing, &request).expect_err("refused");
            }),
        ),
        (
            "tencentcloud-sdk/request and answer",
            Box::new(move || {
                black_box(call(&running, &operation).expect("running"));
            }),
        ),
    ])
}

fn client(transport: impl Transport + 'static) -> Result<tencentcloud_sdk::ClientBuilder> {
    Ok(Client::builder()
        .credentials(Credentials::new(SECRET_ID, SECRET_KEY)?)
        .endpoint("tcss", Endpoint::https(&format!("https://{HOST}/"))?)
        .transport(transport))
}

fn operation() -> Result<Operation> {
    Ok(Operation::new("tcss", "2020-11-01", "DescribeExportJobResult")?)
}

fn call(client: &Client, operation: &Operation) -> std::result::Result<Answer, SdkError> {
    let poll = Poll { job_id: JOB };
    Ok(ready(client.execute::<_, Answer>(operation, black_box(&poll)))?.data)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Poll<'a> {
    job_id: &'a str,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code, reason = "only read from JSON")]
struct Answer {
    export_status: String,
    #[serde(rename = "DownloadURL")]
    download_url: String,
    export_progress: f64,
    failure_msg: String,
}

/// Ends a call once its request is built.
struct Refusing;

impl Transport for Refusing {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Sent> {
        black_box(request);
        Box::pin(async { Err(SdkError::Timeout) })
    }
}

type Sent = std::result::Result<TransportResponse, SdkError>;

struct Running;

impl Transport for Running {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Sent> {
        black_box(request);
        let body = Bytes::from_static(RUNNING.as_bytes());
        Box::pin(async {
            Ok(TransportResponse::from_bytes(StatusCode::OK, HeaderMap::new(), body))
        })
    }
}

/// Returns the header of a request at this time.
pub fn authorization(time: i64) -> Result<String> {
    let kept = Arc::new(Mutex::new(String::new()));
    let client = client(Keeping(Arc::clone(&kept)))?.clock(FixedClock(time)).build()?;
    call(&client, &operation()?).expect_err("refused");
    let kept = kept.lock().expect("no panic").clone();
    Ok(kept)
}

struct Keeping(Arc<Mutex<String>>);

impl Transport for Keeping {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Sent> {
        let header = request.headers["authorization"].to_str().expect("text");
        *self.0.lock().expect("no panic") = header.to_owned();
        Box::pin(async { Err(SdkError::Timeout) })
    }
}

struct FixedClock(i64);

impl Clock for FixedClock {
    fn unix_timestamp(&self) -> std::result::Result<i64, SdkError> {
        Ok(self.0)
    }
}
