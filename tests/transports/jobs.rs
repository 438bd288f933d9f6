//! Whole waits against the scripted service, which verifies every signature.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use tcss_export::{
    CredentialSource, Credentials, core::RateBudget, driver::TransportErrorKind, wait,
};
use tcss_export_testkit::{Script, Service, wire::TlsProxy};

use crate::{
    clients::{Http, LIBRARIES, Setup, Wire},
    setup::{SECRET_ID, SECRET_KEY, TOKEN, hasty},
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

fn setups() -> impl Iterator<Item = Setup> {
    LIBRARIES.iter().copied().map(Setup::own)
}

#[test]
fn a_job_is_followed_through_every_passing_fault_to_its_url() {
    let script = "RUNNING:10,ERROR:InternalError,HTTP:502,EMPTY,CUT,CUTJSON,RESET,NULLS,\
                  ERROR:RequestLimitExceeded.UinLimitExceeded,STATUS:PENDING,SUCCESS:,\
                  SUCCESS:https://h.example/a.csv?q-signature=EXAMPLE";
    for setup in setups() {
        let service = service(script);
        let client = setup.client_at(&service.url(), &[]).with_policy(hasty());
        let finished = client.wait().unwrap_or_else(|error| panic!("{setup:?}: {error}"));
        let url = "https://h.example/a.csv?q-signature=EXAMPLE";
        assert_eq!(finished.download_url.as_str(), url, "{setup:?}");
        assert_eq!((finished.report.polls, finished.report.retries), (12, 7), "{setup:?}");
        assert_eq!(service.seen().len(), 12, "{setup:?}");
    }
}

#[test]
fn a_job_is_followed_over_tls() {
    for setup in setups() {
        let service = service("RUNNING:50,SUCCESS");
        let front = TlsProxy::to(service.addr()).unwrap();
        let setup = Setup { http: Http::Given, wire: Wire::Tls, ..setup };
        let client = setup.client_at(&front.url(), front.ca_der()).with_policy(hasty());
        let finished = client.wait().unwrap_or_else(|error| panic!("{setup:?}: {error}"));
        assert_eq!(finished.report.polls, 2, "{setup:?}");
    }
}

#[test]
fn a_clock_that_is_off_is_corrected_by_the_services_date() {
    for setup in setups() {
        let service = service("SKEW:600,RUNNING,SUCCESS");
        let client = setup.client_at(&service.url(), &[]).with_policy(hasty());
        let finished = client.wait().unwrap_or_else(|error| panic!("{setup:?}: {error}"));
        assert_eq!((finished.report.polls, finished.report.retries), (3, 1), "{setup:?}");
        // The service's date has whole seconds.
        let offset = finished.report.clock_offset.as_millis();
        assert!((598_000..=601_000).contains(&offset), "{setup:?}: {offset}");
    }
}

#[test]
fn the_final_error_names_the_last_fault_and_keeps_its_source() {
    for setup in setups() {
        let service = service("RUNNING:30,RESET");
        let client =
            setup.client_at(&service.url(), &[]).with_policy(with(hasty(), |p| p.max_failures = 2));
        let failure = client.wait().unwrap_err();
        assert!(matches!(failure.kind, wait::ErrorKind::Fault(_)), "{setup:?}: {failure}");
        let transport = failure.transport().expect("the transport's own error");
        assert_eq!(transport.kind(), TransportErrorKind::Connection, "{setup:?}");
        assert!(std::error::Error::source(transport).is_some(), "{setup:?}");
        assert_eq!(failure.report.polls, 4, "{setup:?}");
        assert_eq!(failure.last_status().unwrap().as_str(), "RUNNING", "{setup:?}");
    }
}

#[test]
fn a_wrong_key_ends_the_wait_after_one_request() {
    for setup in setups() {
        let service = Service::builder().key(SECRET_ID, "EXAMPLEOTHERKEY").start().unwrap();
        let client = setup.client_at(&service.url(), &[]).with_policy(hasty());
        let failure = client.wait().unwrap_err();
        let code = failure.code().map(|code| code.as_str());
        assert_eq!(code, Some("AuthFailure.SignatureFailure"), "{setup:?}");
        assert_eq!(service.seen().len(), 1, "{setup:?}");
    }
}

#[test]
fn single_exchanges_are_paced_by_the_budget() {
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

/// Tells what the service saw of starts that were paced: on a busy machine some may bunch on
/// their way, so only what was granted is held to the letter.
fn assert_paced(service: &Service, starts: u32, begun: Instant) {
    assert!(begun.elapsed() >= RateBudget::SPACING * (starts - 1));
    let at: Vec<_> = service.seen().iter().map(|seen| seen.at).collect();
    let within = |from: &Duration| at.iter().filter(|a| *a >= from && **a < *from + SECOND).count();
    println!("most arrivals in a second: {}", at.iter().map(within).max().unwrap());
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(feature = "ureq")]
#[test]
fn ureqs_threads_start_one_after_another_on_cold_and_on_warm_connections() {
    let service = service("RUNNING");
    let session = tcss_export::Session::new(service.url().parse().unwrap());
    let client = tcss_export::ureq::Client::new(session, crate::setup::credentials());
    let begun = Instant::now();
    for _ in ["cold", "warm"] {
        std::thread::scope(|scope| {
            for _ in 0..15 {
                scope.spawn(|| client.send(&crate::setup::action()).unwrap());
            }
        });
    }
    assert_paced(&service, 30, begun);
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hypers_tasks_start_one_after_another_on_cold_and_on_warm_connections() {
    let service = service("RUNNING");
    let session = tcss_export::Session::new(service.url().parse().unwrap());
    let client = tcss_export::hyper::Client::new(session, crate::setup::credentials());
    let begun = Instant::now();
    for _ in ["cold", "warm"] {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..15 {
            let client = client.clone();
            tasks.spawn(async move { client.send(&crate::setup::action()).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.len(), 15);
    }
    assert_paced(&service, 30, begun);
}

fn job_ids() -> impl Iterator<Item = tcss_export::JobId> {
    (0..10).map(|nth| tcss_export::JobId::new(format!("job-{nth}")).unwrap())
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_follows_many_jobs() {
    let service = service("RUNNING,SUCCESS");
    let session = tcss_export::Session::new(service.url().parse().unwrap());
    let client = tcss_export::ureq::Client::new(session, crate::setup::credentials());
    let client = client.with_policy(hasty());
    let ended: Vec<_> = client.wait_all(job_ids()).collect();
    assert_eq!(ended.len(), 10);
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hyper_follows_many_jobs() {
    use futures_util::{StreamExt, stream};

    let service = service("RUNNING,SUCCESS");
    let session = tcss_export::Session::new(service.url().parse().unwrap());
    let client = tcss_export::hyper::Client::new(session, crate::setup::credentials());
    let client = client.with_policy(hasty());
    let ended: Vec<_> = client.wait_all(stream::iter(job_ids())).collect().await;
    assert_eq!(ended.len(), 10);
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
}

/// A source whose first credentials have an old token.
fn rotating() -> CredentialSource {
    let asked_again = AtomicBool::new(false);
    CredentialSource::from_fn(move |fresh| {
        asked_again.fetch_or(fresh, Ordering::Relaxed);
        let token = if asked_again.load(Ordering::Relaxed) { TOKEN } else { "EXAMPLEOLDTOKEN" };
        Ok(Credentials::new(SECRET_ID, SECRET_KEY)?.with_token(token)?)
    })
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_asks_for_credentials_again_when_the_token_is_refused() {
    let service = service("RUNNING,SUCCESS");
    let session = tcss_export::Session::new(service.url().parse().unwrap());
    let client = tcss_export::ureq::Client::new(session, rotating()).with_policy(hasty());
    let finished = client.wait(tcss_export::JobId::new("4711").unwrap()).unwrap();
    assert_eq!(finished.report.polls, 3);
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_asks_for_credentials_again_when_the_token_is_refused() {
    let service = service("RUNNING,SUCCESS");
    let session = tcss_export::Session::new(service.url().parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Spawned: the future crosses threads.
    let wait = runtime.spawn(async move {
        let client = tcss_export::hyper::Client::new(session, rotating()).with_policy(hasty());
        client.wait(tcss_export::JobId::new("4711").unwrap()).await
    });
    assert_eq!(runtime.block_on(wait).unwrap().unwrap().report.polls, 3);
}
