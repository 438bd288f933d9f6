//! Goes the whole way over reqwest: creates a job, follows it and downloads its file.
//!
//! `cargo run --example reqwest`; a test service on a loopback port stands in for the real one,
//! which wants reqwest with a feature for TLS.

use std::{env, fs, process, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use http::{Request, Response};
use http_body_util::{BodyDataStream, BodyExt, LengthLimitError, Limited};
use reqwest::{ClientBuilder, dns};
use tcss_export::{
    ANSWER_LIMIT, AssetType, CreateExportComplianceStatusListJob, Credentials, SendFault, Session,
    Source,
    download::{Limits, Reach},
    driver::{
        AddressError, Shared, TransportError,
        asynchronous::{self, Fetch, Platform},
    },
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder()
        .script("RUNNING:40,RESET,SUCCESS".parse()?)
        .file(ServedFile::bytes("report.csv", "id,status\r\n1,PASSED\r\n"))
        .download_faults("CUT:5".parse()?)
        .start()?;
    let shared = Shared::new(Session::new(service.url().parse()?));
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let client = Client { api: rules().build()?, credentials };

    let create = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    let job = asynchronous::send(&shared, &create, &client).await?.response.job_id;
    let mut wait = asynchronous::wait(&shared, job.clone(), &client);
    while let Some(event) = wait.next().await {
        println!("{:?}", event.kind);
    }
    let source = Source::new(wait.outcome().await?.download_url).of_job(job);

    let folder = env::temp_dir().join(format!("tcss-export-reqwest-{}", process::id()));
    fs::create_dir(&folder)?;
    let target = folder.join("report.csv");
    let mut download = asynchronous::download(&shared, source, &*target, client)?;
    while let Some(event) = download.next().await {
        println!("{} bytes: {:?}", event.bytes, event.kind);
    }
    let outcome = download.outcome().await;
    fs::remove_dir_all(&folder)?;
    println!("{} bytes were at {}", outcome?.bytes, target.display());
    Ok(())
}

/// Nothing may be sent to where an answer points, nor a second time. There is no limit of time,
/// because the loops drop what takes too long.
fn rules() -> ClientBuilder {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.retry(reqwest::retry::never()).no_proxy()
}

struct Client {
    api: reqwest::Client,
    credentials: Credentials,
}

impl Platform for Client {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn credentials(&self, _fresh: bool) -> Result<Credentials, TransportError> {
        Ok(self.credentials.clone())
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = run(&self.api, request).await?.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => TransportError::new(SendFault::TooLarge, error),
            false => TransportError::of_chain(error, SendFault::Truncated),
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl Fetch for Client {
    type Body = BoxStream<'static, Result<Bytes, TransportError>>;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Self::Body>, TransportError> {
        let files = rules().dns_resolver(Permitted(Limits::of(&request).reach)).build();
        let files = files.map_err(|error| failed(error, SendFault::Permanent))?;
        let answer = run(&files, request.map(|()| Bytes::new())).await?;
        Ok(answer.map(|body| {
            let pieces = BodyDataStream::new(body);
            pieces.map_err(|error| failed(error, SendFault::Truncated)).boxed()
        }))
    }
}

async fn run(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<reqwest::Body>, TransportError> {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let request = reqwest::Request::try_from(request);
    let request = request.map_err(|error| failed(error, SendFault::Permanent))?;
    // reqwest rewrites some characters, and then the signature of a URL holds no longer.
    if !request.url().as_str().ends_with(&path) {
        return Err(TransportError::new(SendFault::Permanent, "reqwest would change the URL"));
    }
    let answer = client.execute(request).await;
    Ok(answer.map_err(|error| failed(error, SendFault::Connection))?.into())
}

/// The URL of a download is a secret, and an error of reqwest would show it.
fn failed(error: reqwest::Error, broken: SendFault) -> TransportError {
    TransportError::of_chain(error.without_url(), broken)
}

/// Looks names up and leaves out the addresses that a download must not connect to. An address in
/// the URL itself is not looked up; it was judged before the first request.
struct Permitted(Reach);

impl dns::Resolve for Permitted {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted = AddressError::filter(name.as_str(), reach, found)?;
            Ok(Box::new(permitted.into_iter()) as dns::Addrs)
        })
    }
}
