//! Whole waits against a service that follows a script and verifies every signature.

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use tcss_export::{
    CredentialSource, Credentials, JobId, Session, core::RateBudget, driver::TransportErrorKind,
    wait,
};
use tcss_export_testkit::{Script, Service, wire::TlsProxy};

use crate::{
    clients::{Client, Http, LIBRARIES, Setup, Wire},
    setup::{SECRET_ID, SECRET_KEY, TOKEN, action, credentials, short_delays},
    with::with,
};

fn service(script: &str) -> Service {
    Service::builder()
        .key(SECRET_ID, SECRET_KEY)
        .token(TOKEN)
        .script(script.parse::<Script>().unwrap())
        .start()
        .unwrap()
}

#[cfg(any(feature = "hyper", feature = "ureq"))]
fn session(service: &Service) -> Session {
    Session::new(service.url().parse().unwrap())
}

fn setups() -> impl Iterator<Item = Setup> {
    LIBRARIES.iter().copied().map(Setup::own)
}

fn client(setup: Setup, service: &Service) -> Client {
    setup.client_at(&service.url(), &[]).with_policy(short_delays())
}

#[test]
fn a_wait_retries_every_transient_error_and_ends_with_the_url() {
    let script = "RUNNING:10,ERROR:InternalError,HTTP:502,EMPTY,CUT,CUTJSON,RESET,NULLS,\
                  ERROR:RequestLimitExceeded.UinLimitExceeded,STATUS:PENDING,SUCCESS:,\
                  SUCCESS:https://h.example/a.csv?q-signature=EXAMPLE";
    for setup in setups() {
        let service = service(script);
        let client = client(setup, &service);
        let finished = client.wait().unwrap_or_else(|error| panic!("{setup:?}: {error}"));
        let url = "https://h.example/a.csv?q-signature=EXAMPLE";
        assert_eq!(finished.download_url.as_str(), url, "{setup:?}");
        assert_eq!((finished.report.polls, finished.report.retries), (12, 7), "{setup:?}");
        assert_eq!(service.seen().len(), 12, "{setup:?}");
    }
}

#[test]
fn a_wait_runs_over_tls() {
    for setup in setups() {
        let service = service("RUNNING:50,SUCCESS");
        let proxy = TlsProxy::to(service.addr()).unwrap();
        let setup = Setup { http: Http::Given, wire: Wire::Tls, ..setup };
        let client = setup.client_at(&proxy.url(), proxy.ca_der()).with_policy(short_delays());
        let finished = client.wait().unwrap_or_else(|error| panic!("{setup:?}: {error}"));
        assert_eq!(finished.report.polls, 2, "{setup:?}");
    }
}

#[test]
fn a_wrong_clock_is_corrected_by_the_date_of_the_service() {
    for setup in setups() {
        let service = service("SKEW:600,RUNNING,SUCCESS");
        let client = client(setup, &service);
        let finished = client.wait().unwrap_or_else(|error| panic!("{setup:?}: {error}"));
        assert_eq!((finished.report.polls, finished.report.retries), (3, 1), "{setup:?}");
        // The date of the service has whole seconds.
        let offset = finished.report.clock_offset.as_millis();
        assert!((598_000..=601_000).contains(&offset), "{setup:?}: {offset}");
    }
}

#[test]
fn the_final_error_has_the_last_transport_error_and_its_source() {
    for setup in setups() {
        let service = service("RUNNING:30,RESET");
        let client = setup
            .client_at(&service.url(), &[])
            .with_policy(with(short_delays(), |p| p.max_failures = 2));
        let failure = client.wait().unwrap_err();
        assert!(matches!(failure.kind, wait::ErrorKind::Fault(_)), "{setup:?}: {failure}");
        let transport = failure.transport().expect("the transport's own error");
        assert_eq!(transport.kind(), TransportErrorKind::Connection, "{setup:?}");
        assert!(transport.source().is_some(), "{setup:?}");
        assert_eq!(failure.report.polls, 4, "{setup:?}");
        assert_eq!(failure.last_status().unwrap().as_str(), "RUNNING", "{setup:?}");
    }
}

#[test]
fn a_wrong_key_ends_the_wait_after_one_request() {
    for setup in setups() {
        let service = Service::builder().key(SECRET_ID, "EXAMPLEOTHERKEY").start().unwrap();
        let client = client(setup, &service);
        let failure = client.wait().unwrap_err();
        let code = failure.code().map(|code| code.as_str());
        assert_eq!(code, Some("AuthFailure.SignatureFailure"), "{setup:?}");
        assert_eq!(service.seen().len(), 1, "{setup:?}");
    }
}

#[test]
fn single_exchanges_keep_the_spacing_of_the_budget() {
    for setup in setups() {
        let service = service("RUNNING");
        let client = setup.client_at(&service.url(), &[]);
        let begun = Instant::now();
        for _ in 0..4 {
            client.send().unwrap();
        }
        assert!(begun.elapsed() >= RateBudget::SPACING * 3, "{setup:?}");
    }
}

/// Asserts that the client kept the spacing of its starts. On a busy machine requests may arrive
/// closer together, so the arrivals are printed only.
fn assert_paced(service: &Service, starts: u32, begun: Instant) {
    assert!(begun.elapsed() >= RateBudget::SPACING * (starts - 1));
    let at: Vec<_> = service.seen().iter().map(|seen| seen.at).collect();
    let within = |from: &Duration| at.iter().filter(|a| *a >= from && **a < *from + SECOND).count();
    println!("most arrivals in a second: {}", at.iter().map(within).max().unwrap());
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(feature = "ureq")]
#[test]
fn threads_over_ureq_keep_the_spacing_on_new_and_on_reused_connections() {
    let service = service("RUNNING");
    let session = session(&service);
    let client = tcss_export::ureq::Client::new(session, credentials());
    let begun = Instant::now();
    for _ in ["new", "reused"] {
        std::thread::scope(|scope| {
            for _ in 0..15 {
                scope.spawn(|| client.send(&action()).unwrap());
            }
        });
    }
    assert_paced(&service, 30, begun);
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn tasks_over_hyper_keep_the_spacing_on_new_and_on_reused_connections() {
    let service = service("RUNNING");
    let session = session(&service);
    let client = tcss_export::hyper::Client::new(session, credentials());
    let begun = Instant::now();
    for _ in ["new", "reused"] {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..15 {
            let client = client.clone();
            tasks.spawn(async move { client.send(&action()).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.len(), 15);
    }
    assert_paced(&service, 30, begun);
}

fn job_ids() -> impl Iterator<Item = JobId> {
    (0..10).map(|nth| JobId::new(format!("job-{nth}")).unwrap())
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_waits_for_many_jobs() {
    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let client = tcss_export::ureq::Client::new(session, credentials());
    let client = client.with_policy(short_delays());
    let outcomes: Vec<_> = client.wait_all(job_ids()).collect();
    assert_eq!(outcomes.len(), 10);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hyper_waits_for_many_jobs() {
    use futures_util::{StreamExt, stream};

    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let client = tcss_export::hyper::Client::new(session, credentials());
    let client = client.with_policy(short_delays());
    let outcomes: Vec<_> = client.wait_all(stream::iter(job_ids())).collect().await;
    assert_eq!(outcomes.len(), 10);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
}

/// A source whose token is old until it is asked for fresh credentials.
fn rotating_source() -> CredentialSource {
    let refreshed = AtomicBool::new(false);
    CredentialSource::from_fn(move |fresh| {
        refreshed.fetch_or(fresh, Ordering::Relaxed);
        let token = if refreshed.load(Ordering::Relaxed) { TOKEN } else { "EXAMPLEOLDTOKEN" };
        Ok(Credentials::new(SECRET_ID, SECRET_KEY)?.with_token(token)?)
    })
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_asks_for_fresh_credentials_after_a_refused_token() {
    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let client =
        tcss_export::ureq::Client::new(session, rotating_source()).with_policy(short_delays());
    let finished = client.wait(JobId::new("4711").unwrap()).unwrap();
    assert_eq!(finished.report.polls, 3);
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_asks_for_fresh_credentials_after_a_refused_token() {
    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // `spawn` requires that the future is `Send`.
    let wait = runtime.spawn(async move {
        let client =
            tcss_export::hyper::Client::new(session, rotating_source()).with_policy(short_delays());
        client.wait(JobId::new("4711").unwrap()).await
    });
    assert_eq!(runtime.block_on(wait).unwrap().unwrap().report.polls, 3);
}

/// Connector, executor and timer are smol's.
#[cfg(feature = "hyper")]
#[test]
fn hyper_runs_on_smol() {
    use crate::on_smol::{Connector, Spawn};
    use smol_hyper::rt::SmolTimer;
    use tcss_export::hyper::{Client, Hyper};

    let script = "RUNNING:10,ERROR:InternalError,RESET,SUCCESS".parse().unwrap();
    let key = Service::builder().key(SECRET_ID, SECRET_KEY);
    let service = key.script(script).start().unwrap();
    let session = session(&service);
    let hyper = Hyper::with_connector(Connector, Spawn, SmolTimer::new());
    let client = Client::with_transport(session, credentials(), hyper);
    let client = client.with_policy(short_delays());
    let job = JobId::new("4711").unwrap();
    let finished = smol::block_on(client.wait(job)).unwrap();
    assert_eq!((finished.report.polls, finished.report.retries), (4, 2));
}
