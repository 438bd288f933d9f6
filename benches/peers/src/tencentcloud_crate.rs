//! tencentcloud, whose signer is private and which only connects to `https://HOST`.
//!
//! A host that is no URI stops its call after the signature. A host that no certificate can have
//! stops it after the request, before anything is sent; the same request through the same HTTP
//! client, without a signature, is the share to subtract.

use std::{fmt::Debug, hint::black_box};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, Serialize};
use tencentcloud::{Auth, api::Api};

use crate::{JOB, SECRET_ID, SECRET_KEY, Work, ready};

const NO_URI: &str = "tcss intl.tencentcloudapi.com";
const NO_CERTIFICATE: &str = "tcss.intl..encentcloudapi.com";

pub fn works() -> [(&'static str, Work); 3] {
    let auth = Auth::new(SECRET_KEY.into(), SECRET_ID.into());
    let client = tencentcloud::Client::new("".into(), auth, None);
    let requests = client.clone();
    let (bare, request) = (bare_client(), bare_request());
    [
        ("tencentcloud/signature", Box::new(move || stopped::<NoUri>(&client))),
        (
            "tencentcloud/request, with its client",
            Box::new(move || {
                stopped::<NoCertificate>(&requests);
            }),
        ),
        (
            "tencentcloud/its client",
            Box::new(move || {
                ready(bare.request(black_box(request.clone()))).expect_err("no such host");
            }),
        ),
    ]
}

fn stopped<A>(client: &tencentcloud::Client)
where
    A: for<'a> Api<Request<'a> = Poll<'a>>,
{
    ready(client.send::<A>(black_box(&Poll { job_id: JOB }))).expect_err("no such host");
}

fn bare_client() -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .expect("roots")
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .build();
    Client::builder(TokioExecutor::new()).build(connector)
}

fn bare_request() -> Request<Full<Bytes>> {
    let uri = format!("https://{NO_CERTIFICATE}");
    Request::post(uri).body(Full::default()).expect("a URI")
}

#[derive(Serialize, Debug)]
struct Poll<'a> {
    #[serde(rename = "JobId")]
    job_id: &'a str,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code, reason = "never received")]
struct Answer {
    export_status: String,
}

struct NoUri;
struct NoCertificate;

macro_rules! api {
    ($name:ty, $host:expr) => {
        impl Api for $name {
            type Request<'a> = Poll<'a>;
            type Response = Answer;
            const VERSION: &'static str = "2020-11-01";
            const ACTION: &'static str = "DescribeExportJobResult";
            const SERVICE: &'static str = "tcss";
            const HOST: &'static str = $host;
        }
    };
}

api!(NoUri, NO_URI);
api!(NoCertificate, NO_CERTIFICATE);
