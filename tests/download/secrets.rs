//! D11: whatever a download shows of itself, the secret part of its URL is not in it.

use std::{
    error::Error,
    fmt::{Debug, Display},
};

use tcss_export::{
    core::{
        Mono,
        download::{self, Download, Part, Step},
    },
    download::{Fault, Policy},
    driver::TransportErrorKind,
};

use crate::{
    server::{Answer, Play, digits, xml},
    trial::{Trial, URL, download, url},
    with::with,
};

/// The query of the first URL and of the second, and a user part.
const SECRETS: [&str; 3] = ["EXAMPLE0001", "EXAMPLE0002", "EXAMPLEPASSWORD"];
const RENEWED: &str = "https://h.example/a.csv?q-signature=EXAMPLE0002";

#[track_caller]
fn assert_clean(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[track_caller]
fn assert_debug_clean(value: &impl Debug) {
    assert_clean(&format!("{value:?}"));
    assert_clean(&format!("{value:#?}"));
}

#[track_caller]
fn assert_chain_clean(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_debug_clean(&error);
        assert_clean(&error.to_string());
        next = error.source();
    }
}

/// Looks at all that a download shows after each of its exchanges.
#[track_caller]
fn assert_trial_clean(trial: &mut Trial) {
    assert_debug_clean(&trial.download);
    assert_debug_clean(&trial.download.step(Mono::from_origin(trial.now)));
    let part = trial.download.metadata();
    assert_debug_clean(&part);
    if let Some(part) = part {
        assert_clean(&part.to_text());
        assert_debug_clean(&Part::new(part));
    }
    for exchange in &trial.past {
        assert_debug_clean(&exchange.event);
    }
    if let Step::Done(Err(error)) = trial.download.step(Mono::from_origin(trial.now)) {
        assert_chain_clean(error);
    }
}

/// Every way to end, and what comes before it.
const PLAYS: [Play; 14] = [
    Play::Well,
    Play::Cut(3),
    Play::Unsent(TransportErrorKind::Connection),
    Play::Unsent(TransportErrorKind::Permanent),
    Play::Endless,
    Play::Beyond,
    Play::Elsewhere,
    Play::WrongCrc,
    Play::Gzip,
    Play::Redirect,
    Play::Expired,
    Play::Denied,
    Play::Gone,
    Play::Status(500),
];

#[test]
fn d11_no_state_and_no_end_shows_the_query() {
    for play in PLAYS {
        for max_failures in [0, 8] {
            let policy = with(Policy::default(), |p| p.max_failures = max_failures);
            let mut trial = Trial::of(download(&policy).with_new_urls());
            assert_trial_clean(&mut trial);
            trial.start();
            assert_trial_clean(&mut trial);
            let mut trial = Trial::of(download(&policy).with_new_urls());
            trial.serve(&digits(), play);
            assert_trial_clean(&mut trial);
            trial.download.new_url(trial.mono(), url(RENEWED));
            assert_trial_clean(&mut trial);
        }
    }
}

/// Such an answer of the object store holds what was signed.
#[test]
fn d11_what_a_refusal_echoes_is_not_shown() {
    let echoes = [
        "<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message><StringToSign>sha1 \
         EXAMPLE0001</StringToSign><FormatString>get\n/a.csv\nq-signature=EXAMPLE0001</FormatString>\
         <Resource>/a.csv?q-signature=EXAMPLE0001</Resource></Error>",
        "<html> https://h.example/a.csv?q-signature=EXAMPLE0001 is forbidden </html>",
        "{\"url\":\"https://h.example/a.csv?q-signature=EXAMPLE0001\"}",
    ];
    for echo in echoes {
        for status in [403, 404, 500] {
            let mut trial = Trial::new(&with(Policy::default(), |p| p.max_failures = 0));
            trial.answer(&Answer::new(status, &[], echo));
            assert_trial_clean(&mut trial);
        }
    }
}

#[test]
fn d11_a_message_that_quotes_the_url_is_shown_without_it() {
    for message in [
        "https://h.example/a.csv?q-signature=EXAMPLE0001 has expired",
        "no access to /a.csv?q-signature=EXAMPLE0001.",
    ] {
        let mut trial = Trial::new(&Policy::default());
        trial.answer(&xml(403, "AccessDenied", message));
        assert!(trial.outcome().unwrap_err().to_string().contains("AccessDenied: "));
        assert_trial_clean(&mut trial);
    }
}

#[test]
fn d11_a_redirect_names_its_host_alone() {
    for location in [
        "https://other.example/a.csv?q-signature=EXAMPLE0001",
        "https://u:EXAMPLEPASSWORD@other.example/a.csv",
        "/a.csv?q-signature=EXAMPLE0001",
        "q-signature=EXAMPLE0001",
        "EXAMPLE0001:1",
    ] {
        let mut trial = Trial::new(&Policy::default());
        trial.answer(&Answer::new(302, &[("location", location)], ""));
        assert_trial_clean(&mut trial);
    }
}

#[test]
fn d11_a_url_that_is_refused_is_not_shown() {
    for text in [
        "http://h.example/a.csv?q-signature=EXAMPLE0001",
        "https://u:EXAMPLEPASSWORD@h.example/a.csv",
        "https://h.example/a b?q-signature=EXAMPLE0001",
        "q-signature=EXAMPLE0001",
    ] {
        let refused = url(text);
        assert_debug_clean(&refused);
        assert_clean(&refused.to_string());
        let error = Download::new(refused, &Policy::default(), 7, Mono::default()).unwrap_err();
        assert_chain_clean(&error);
    }
}

#[test]
fn d11_the_open_part_of_a_url_is_shown_with_a_marker() {
    let shown = format!("{:?}", download(&Policy::default()));
    assert!(shown.contains("https://h.example/a.csv?..."), "{shown}");
    assert_eq!(url(URL).as_str(), URL);
}

fn assert_is_error<E: Error + Display + Send + Sync + Clone + 'static>() {}

#[test]
fn errors_go_between_threads_and_are_small() {
    assert_is_error::<download::Error>();
    assert_is_error::<Fault>();
    assert!(size_of::<download::Error>() <= 64);
}
