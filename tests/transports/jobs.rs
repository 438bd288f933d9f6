//! Whole waits against a service that follows a script and verifies every signature.

use std::{error::Error, time::Instant};

use tcss_export::{core::RateBudget, driver::TransportErrorKind, wait};
use tcss_export_testkit::{Script, Service, wire::TlsProxy};

use crate::{
    clients::{Client, HttpClient, LIBRARIES, Setup, Wire},
    setup::{SECRET_ID, SECRET_KEY, TOKEN, short_delays},
    with::with,
};

pub(crate) fn service(script: &str) -> Service {
    Service::builder()
        .key(SECRET_ID, SECRET_KEY)
        .token(TOKEN)
        .script(script.parse::<Script>().unwrap())
        .start()
        .unwrap()
}

fn setups() -> impl Iterator<Item = Setup> {
    LIBRARIES.iter().copied().map(Setup::new)
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
        let setup = Setup { http: HttpClient::Custom, wire: Wire::Tls, ..setup };
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
        let lateness = RateBudget::SPACING / 25;
        assert!(begun.elapsed() >= RateBudget::SPACING * 3 - lateness, "{setup:?}");
    }
}
