//! No text of a download shows the query or the user part of its URL.

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
    run::{Run, URL, download, url},
    server::{Answer, Reply, digits, xml},
    with::with,
};

/// The queries of both URLs, and a user part.
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

/// Checks every text of a download and its exchanges.
#[track_caller]
fn assert_run_clean(run: &mut Run) {
    assert_debug_clean(&run.download);
    assert_debug_clean(&run.download.step(Mono::from_origin(run.now)));
    let part = run.download.metadata();
    assert_debug_clean(&part);
    if let Some(part) = part {
        assert_clean(&part.to_text());
        assert_debug_clean(&Part::new(part));
    }
    for exchange in &run.exchanges {
        assert_debug_clean(&exchange.event);
    }
    if let Step::Done(Err(error)) = run.download.step(Mono::from_origin(run.now)) {
        assert_chain_clean(error);
    }
}

/// Replies that end a download in every way, or precede an end.
const REPLIES: [Reply; 14] = [
    Reply::Correct,
    Reply::Cut(3),
    Reply::NoAnswer(TransportErrorKind::Connection),
    Reply::NoAnswer(TransportErrorKind::Permanent),
    Reply::NoLength,
    Reply::ExtraByte,
    Reply::WrongRange,
    Reply::WrongCrc,
    Reply::Gzip,
    Reply::Redirect,
    Reply::Expired,
    Reply::Denied,
    Reply::Gone,
    Reply::Status(500),
];

#[test]
fn no_state_and_no_result_shows_the_query() {
    for reply in REPLIES {
        for max_failures in [0, 8] {
            let policy = with(Policy::default(), |p| p.max_failures = max_failures);
            let mut run = Run::of(download(&policy).with_new_urls());
            assert_run_clean(&mut run);
            run.start();
            assert_run_clean(&mut run);
            let mut run = Run::of(download(&policy).with_new_urls());
            run.serve(&digits(), reply);
            assert_run_clean(&mut run);
            run.download.new_url(run.mono(), url(RENEWED));
            assert_run_clean(&mut run);
        }
    }
}

/// The object store echoes the signed text in such an answer.
#[test]
fn an_echoed_url_in_a_refusal_is_not_shown() {
    let echoes = [
        "<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message><StringToSign>sha1 \
         EXAMPLE0001</StringToSign><FormatString>get\n/a.csv\nq-signature=EXAMPLE0001</FormatString>\
         <Resource>/a.csv?q-signature=EXAMPLE0001</Resource></Error>",
        "<html> https://h.example/a.csv?q-signature=EXAMPLE0001 is forbidden </html>",
        "{\"url\":\"https://h.example/a.csv?q-signature=EXAMPLE0001\"}",
    ];
    for echo in echoes {
        for status in [403, 404, 500] {
            let mut run = Run::new(&with(Policy::default(), |p| p.max_failures = 0));
            run.answer(&Answer::new(status, &[], echo));
            assert_run_clean(&mut run);
        }
    }
}

#[test]
fn a_message_that_quotes_the_url_is_shown_without_its_query() {
    for message in [
        "https://h.example/a.csv?q-signature=EXAMPLE0001 has expired",
        "no access to /a.csv?q-signature=EXAMPLE0001.",
    ] {
        let mut run = Run::new(&Policy::default());
        run.answer(&xml(403, "AccessDenied", message));
        assert!(run.outcome().unwrap_err().to_string().contains("AccessDenied: "));
        assert_run_clean(&mut run);
    }
}

#[test]
fn a_redirect_shows_only_its_host() {
    for location in [
        "https://other.example/a.csv?q-signature=EXAMPLE0001",
        "https://u:EXAMPLEPASSWORD@other.example/a.csv",
        "/a.csv?q-signature=EXAMPLE0001",
        "q-signature=EXAMPLE0001",
        "EXAMPLE0001:1",
    ] {
        let mut run = Run::new(&Policy::default());
        run.answer(&Answer::new(302, &[("location", location)], ""));
        assert_run_clean(&mut run);
    }
}

#[test]
fn a_refused_url_is_not_shown() {
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
fn the_url_is_shown_with_a_mark_in_place_of_its_query() {
    let shown = format!("{:?}", download(&Policy::default()));
    assert!(shown.contains("https://h.example/a.csv?..."), "{shown}");
    assert_eq!(url(URL).as_str(), URL);
}

fn assert_is_error<E: Error + Display + Send + Sync + Clone + 'static>() {}

#[test]
fn errors_are_send_sync_and_small() {
    assert_is_error::<download::Error>();
    assert_is_error::<Fault>();
    assert!(size_of::<download::Error>() <= 64);
}
