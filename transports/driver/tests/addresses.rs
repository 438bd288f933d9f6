//! The address policy of each request follows from the endpoint and the URL.

use std::{cell::RefCell, rc::Rc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use tcss_export_core::{
    AddressPolicy, Credentials, DownloadUrl, JobId, Limits, Reason, Session,
    actions::DescribeExportJobResult,
};
use tcss_export_driver::{Body, Client, Source, Transport, TransportError};

/// Records the address policy of each request and answers with an empty body.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<AddressPolicy>>>);

impl Transport for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.0.borrow_mut().push(Limits::of(&request).address_policy);
        Ok(Response::new(Bytes::new().into()))
    }

    async fn sleep(&self, _: Duration) {}
}

/// Returns a client of this endpoint, and the record of its requests.
fn client(endpoint: &str) -> (Client<Recorder>, Recorder) {
    let session = Session::new(endpoint.parse().expect("an endpoint"));
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("credentials");
    let recorder = Recorder::default();
    (Client::with_transport(session, credentials, recorder.clone()), recorder)
}

#[test]
fn a_loopback_endpoint_must_resolve_to_loopback() {
    for (endpoint, policy) in [
        ("http://localhost:8080", AddressPolicy::Loopback),
        ("https://127.0.0.1", AddressPolicy::Loopback),
        ("https://gw.example", AddressPolicy::Any),
        ("https://10.0.0.1", AddressPolicy::Any),
    ] {
        let (client, recorder) = client(endpoint);
        let action = DescribeExportJobResult::new(JobId::new("J").expect("a job id"));
        let sent = client.send(&action).now_or_never().expect("an answer at once");
        assert!(sent.is_err(), "an empty body is no answer");
        assert_eq!(*recorder.0.borrow(), [policy], "{endpoint}");
    }
}

/// Returns why a URL is refused, if it is, and the policy of its request otherwise.
fn fetched(endpoint: &str, url: &str, allow_loopback: bool) -> Result<AddressPolicy, Reason> {
    let (client, recorder) = client(endpoint);
    let mut policy = tcss_export_core::download::Policy::default();
    policy.allow_loopback = allow_loopback;
    let url = DownloadUrl::new(url).expect("a URL");
    let source = Source::new(url).of_job(JobId::new("J").expect("a job id")).with_policy(policy);
    let mut download = client.download_into(source, Vec::new()).map_err(|error| error.reason())?;
    assert!(download.next().now_or_never().is_some(), "an answer at once");
    let policies = recorder.0.borrow();
    Ok(policies.first().cloned().expect("a request"))
}

#[test]
fn only_a_loopback_service_may_name_a_loopback_url() {
    for url in ["http://127.0.0.1:2375/images", "https://localhost/a", "http://[::1]/a"] {
        for endpoint in ["https://tcss.tencentcloudapi.com", "https://10.0.0.1"] {
            assert_eq!(fetched(endpoint, url, false), Err(Reason::PrivateAddress), "{url}");
            assert_eq!(fetched(endpoint, url, true), Ok(AddressPolicy::Loopback), "{url}");
        }
        let from_loopback = fetched("http://127.0.0.1:1", url, false);
        assert_eq!(from_loopback, Ok(AddressPolicy::Loopback), "{url}");
    }
    let public = fetched("http://127.0.0.1:1", "https://h.example/a", false);
    assert_eq!(public, Ok(AddressPolicy::Public));
}
