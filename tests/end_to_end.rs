//! Create, wait and download over hyper, reqwest, a tower service and closures, in a spawned task,
//! which requires `Send` futures.
#![cfg(all(feature = "hyper", feature = "reqwest", feature = "tower"))]

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use tcss_export::{
    CredentialSource, Credentials, JobId, Session, Source,
    actions::{AssetType, CreateExportComplianceStatusListJob},
    driver::{
        AddressPolicy, Client, Limits, Tower, Transport, TransportError, async_fn, blocking,
        blocking_fn,
    },
    reqwest::Reqwest,
    wait::{Backoff, Policy},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};

fn service() -> Service {
    Service::builder()
        .script("RUNNING:40,RESET,SUCCESS".parse().unwrap())
        .file(ServedFile::bytes("report.csv", "id,status\r\n1,PASSED\r\n"))
        .download_faults("CUT:5".parse().unwrap())
        .start()
        .unwrap()
}

fn session(service: &Service) -> Session {
    Session::new(service.url().parse().unwrap())
}

fn credentials() -> Credentials {
    Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY).unwrap()
}

/// Delays short enough for a test.
fn short_delays() -> Policy {
    let soon = Duration::from_millis(1);
    let mut policy = Policy::default();
    (policy.poll_interval, policy.longest_poll_interval) = (soon, soon);
    policy.retry = Backoff::new(soon, soon, soon);
    policy
}

macro_rules! create_wait_and_download {
    ($client:expr) => {{
        let client = $client.with_policy(short_delays());
        tokio::spawn(async move {
            let create = CreateExportComplianceStatusListJob::all(AssetType::HOST);
            let job = client.send(&create).await.unwrap().response.job_id;
            let finished = client.wait(job.clone()).await.unwrap();
            let all = client.wait_all(futures_util::stream::iter([job.clone()])).count().await;
            assert_eq!(all, 1);
            let source = Source::new(finished.download_url).of_job(job);
            let mut file = Vec::new();
            let download = client.download_into(source, &mut file).unwrap();
            let downloaded = download.outcome().await.unwrap();
            assert_eq!(downloaded.bytes, 21);
            assert_eq!(file, b"id,status\r\n1,PASSED\r\n");
        })
        .await
        .unwrap();
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_exported_over_hyper() {
    let service = service();
    create_wait_and_download!(tcss_export::hyper::Client::new(session(&service), credentials()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_exported_over_reqwest() {
    let service = service();
    create_wait_and_download!(tcss_export::reqwest::Client::new(session(&service), credentials()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_checks_the_addresses_of_a_host_name() {
    let mut request = Request::get("http://localhost:9/").body(Bytes::new()).unwrap();
    request.extensions_mut().insert(Limits::new(AddressPolicy::Any));
    let permitted = Reqwest::default().send(request.clone()).await.unwrap_err();
    assert!(permitted.address_error().is_none());
    request.extensions_mut().insert(Limits::new(AddressPolicy::Public));
    let refused = Reqwest::default().send(request).await.unwrap_err();
    assert!(refused.address_error().is_some(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_may_come_from_an_async_function() {
    let service = service();
    let source = CredentialSource::from_async_fn(async |_fresh| {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(credentials())
    });
    create_wait_and_download!(tcss_export::reqwest::Client::new(session(&service), source));
    let hanging = CredentialSource::from_async_fn(|_| std::future::pending());
    let mut policy = Policy::default();
    policy.exchange_limit = Duration::from_millis(50);
    let client = tcss_export::reqwest::Client::new(session(&service), hanging).with_policy(policy);
    let create = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    assert!(client.send(&create).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_exported_over_a_tower_service() {
    let service = service();
    // This reqwest is built without a TLS provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tower =
        Tower::<_, _, Bytes>::new(ReqwestService(reqwest::Client::new()), tokio::time::sleep);
    create_wait_and_download!(Client::with_transport(session(&service), credentials(), tower));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_exported_over_async_closures() {
    let service = service();
    let reqwest = Reqwest::default();
    let sending = move |request: Request<Bytes>| {
        let reqwest = reqwest.clone();
        async move { reqwest.send(request).await }
    };
    let closures = async_fn(sending, tokio::time::sleep);
    create_wait_and_download!(Client::with_transport(session(&service), credentials(), closures));
}

#[test]
fn a_job_is_followed_over_a_blocking_closure() {
    let service = service();
    let sending = |request: Request<Bytes>| -> Result<Response<&[u8]>, TransportError> {
        assert!(!request.body().is_empty());
        Ok(Response::new(
            br#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/"}}"#,
        ))
    };
    let closure = blocking_fn(sending);
    let client = blocking::Client::with_transport(session(&service), credentials(), closure);
    let job = JobId::new("4711").unwrap();
    let finished = client.wait(job.clone()).unwrap();
    assert_eq!(finished.download_url.to_string(), "https://h.example/");
    assert_eq!(client.wait_all([job]).count(), 1);
}

/// reqwest's client as a tower service over `http` types.
#[derive(Clone)]
struct ReqwestService(reqwest::Client);

impl tower_service::Service<Request<Bytes>> for ReqwestService {
    type Response = Response<reqwest::Body>;
    type Error = reqwest::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<reqwest::Body>, reqwest::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let answer = client.execute(reqwest::Request::try_from(request)?).await?;
            Ok(answer.into())
        })
    }
}

#[expect(dead_code, reason = "it has to compile")]
fn all_futures_are_send(client: tcss_export::reqwest::Client, duration: Duration) {
    fn is_send(_: impl Send) {}
    let job = JobId::new("4711").unwrap();
    let url = tcss_export_core::DownloadUrl::new("https://h.example/").unwrap();
    is_send(client.wait(job.clone()));
    is_send(client.follow(job.clone()).next());
    is_send(client.wait_all(futures_util::stream::iter([job])));
    is_send(client.download(url, "a").unwrap().outcome());
    is_send(tokio::time::sleep(duration));
}
