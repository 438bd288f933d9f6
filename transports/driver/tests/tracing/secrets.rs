//! Servers that echo what they received, and errors of careless transports.

use std::{ffi::OsString, io, time::Duration};

use tcss_export_core::{
    DownloadUrl, Endpoint, Session, TransportErrorKind, actions::DescribeExportJobResult, download,
    wait::Policy,
};
use tcss_export_driver::{CredentialSource, Proxies, Source, TransportError, blocking};

use crate::{
    URL, job,
    recorder::recorded,
    success,
    transport::{KEY, Reply, TOKEN, TestTransport, run},
};

const QUERY: &str = "EXAMPLESIGNATURE0001";
const PASSWORD: &str = "EXAMPLEPASSWORD";

/// Fails if a text has a secret, or digits that could be a signature.
#[track_caller]
fn assert_clean(texts: &[String]) {
    for text in texts {
        for secret in [KEY, TOKEN, QUERY, PASSWORD] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let mut words = text.split(|c: char| !c.is_ascii_hexdigit());
        assert!(!words.any(|word| word.len() >= 64), "64 hex digits in {text}");
    }
}

/// Runs the code, and searches all spans and events. Returns the events.
#[track_caller]
fn searched(code: impl FnOnce()) -> Vec<String> {
    let (events, spans) = recorded(code);
    assert!(!events.is_empty());
    assert_clean(&events);
    assert_clean(&spans);
    events
}

fn impatient() -> Policy {
    let mut policy = Policy::default();
    policy.max_failures = 1;
    policy.max_wait = Duration::from_secs(3);
    policy
}

/// Answers that repeat the token and the signature of their request.
fn echoes() -> Vec<Reply> {
    let echo = "you sent the token TOKEN and AUTHORIZATION";
    let failure = format!(r#""ExportStatus":"FAILURE","FailureMsg":"{echo}","RequestId":"TOKEN""#);
    let location = format!("https://user:{PASSWORD}@h.example/TOKEN?q-signature={QUERY}");
    let url = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}","#);
    vec![
        Reply::api_error("InternalError", echo, "r-1"),
        Reply::api_error("AuthFailure.SignatureFailure", echo, "TOKEN"),
        Reply::api_error("TOKEN", "AUTHORIZATION", "AUTHORIZATION"),
        Reply::api(&format!(r#""ExportStatus":"{echo}","RequestId":"{echo}""#)),
        Reply::api(&failure),
        Reply::new(502, format!("<html>{echo}")).with("content-type", "text/TOKEN"),
        Reply::new(302, "").with("location", location),
        Reply::new(200, "{}").with("content-encoding", "TOKEN"),
        Reply::new(200, url),
        success(URL),
    ]
}

#[test]
fn no_wait_shows_a_secret() {
    for reply in echoes() {
        let transport = || TestTransport::new(vec![reply.clone(); 3]);
        let client = || transport().blocking_client().with_policy(impatient());
        let async_client = transport().async_client().with_policy(impatient());
        searched(|| _ = client().wait(job("4711")));
        searched(|| _ = run(async_client.wait(job("4711"))));
        searched(|| assert_eq!(client().wait_all([job("4711")]).count(), 1));
    }
}

#[test]
fn no_exchange_shows_a_secret() {
    let action = DescribeExportJobResult::new(job("4711"));
    for reply in echoes() {
        let client = TestTransport::new(vec![reply; 3]).blocking_client().with_policy(impatient());
        searched(|| _ = client.send(&action));
        searched(|| _ = client.send_with_retries(&action, |_, _| {}));
    }
}

#[test]
fn no_download_shows_the_query_of_its_url() {
    let page = |code: &str| {
        format!(
            "<Error><Code>{code}</Code><Message>{URL} {QUERY}</Message>\
             <RequestId>{QUERY}</RequestId></Error>"
        )
    };
    let file = || Reply::new(200, "0123").with("content-length", "4");
    for reply in [
        Reply::new(403, page("AccessDenied")),
        Reply::new(403, page(QUERY)),
        Reply::new(400, page("InvalidArgument")),
        Reply::new(503, page("SlowDown")),
        Reply::new(404, format!("<html> {URL} {QUERY}")).with("x-cos-request-id", QUERY),
        Reply::new(302, "").with("location", URL),
        Reply::new(418, ""),
        file().with("content-encoding", "gzip"),
        file().with("x-cos-hash-crc64ecma", "1"),
        Reply::new(200, "0123").with("content-length", "10").broken(),
        Reply::fault(TransportErrorKind::Permanent),
    ] {
        let client = TestTransport::new(vec![reply; 20]).blocking_client();
        let mut policy = download::Policy::default();
        policy.max_failures = 1;
        policy.max_not_found = 1;
        policy.total_limit = Some(Duration::from_secs(60));
        let source = Source::new(DownloadUrl::new(URL).unwrap()).with_policy(policy);
        searched(|| {
            let download = client.download_into(source, io::sink()).unwrap();
            download.outcome().unwrap_err();
        });
    }
}

#[test]
fn no_error_of_a_transport_shows_a_url_or_a_password() {
    let proxy = format!("http://user:{PASSWORD}@:proxy");
    let proxies = Proxies::from_variables(|_| Some(OsString::from(&proxy)));
    let proxy_error = move || proxies.proxy_for(&"https://h.example".parse().unwrap()).unwrap_err();
    let careless = move || format!("no answer from {URL} by http://user:{PASSWORD}@proxy.example");
    let proxy = CredentialSource::from_fn(move |_| Err(TransportError::connection(proxy_error())));
    let careless = CredentialSource::from_fn(move |_| Err(TransportError::connection(careless())));
    // A faulty setting of a proxy is final.
    for (source, first_event) in [(proxy, " failed: "), (careless, " retrying: ")] {
        let session = Session::new(Endpoint::international());
        let client = blocking::Client::with_transport(session, source, TestTransport::new([]))
            .with_policy(impatient());
        let waited = searched(|| drop(client.wait(job("4711")).unwrap_err()));
        let all_waited = searched(|| assert_eq!(client.wait_all([job("4711")]).count(), 1));
        for events in [waited, all_waited] {
            assert!(events[0].contains(first_event), "{events:?}");
        }
        #[cfg(feature = "serde")]
        {
            let polled = searched(|| drop(client.poll_once(job("4711"), None).unwrap()));
            assert!(polled[0].contains(first_event), "{polled:?}");
        }
        searched(|| drop(client.send(&DescribeExportJobResult::new(job("4711"))).unwrap_err()));
    }
}

// The search itself finds each kind of secret.

#[test]
#[should_panic(expected = "EXAMPLESIGNATURE0001 in")]
fn the_search_finds_a_query() {
    assert_clean(&[URL.into()]);
}

#[test]
#[should_panic(expected = "64 hex digits in")]
fn the_search_finds_a_signature() {
    assert_clean(&[format!("Signature={}", "0f".repeat(32))]);
}
