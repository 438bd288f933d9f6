//! No text of a client, a download or an error shows the query of a URL.

use std::{error::Error, fmt::Write as _, net::TcpListener};

use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::{
    clients::{Client, Setup},
    folder::Folder,
    requests::requests,
    setup::{CRC, ETAG, FILE, cut, file, no_retries, source},
};

const SECRET: &str = "EXAMPLESIGNATURE";

pub(crate) fn no_text_shows_the_query_of_the_url(setup: &Setup) {
    let location = format!("https://other.example/?q-signature={SECRET}");
    let denied = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let too_long = "x".repeat(600_000);
    for answer in [
        WireAnswer::response(403, &[], denied),
        WireAnswer::response(404, &[], "<html>"),
        WireAnswer::response(403, &[], format!("<html> {SECRET}")),
        WireAnswer::response(403, &[], format!(r#"{{"code":"A","message":"{SECRET}"}}"#)),
        WireAnswer::response(302, &[("Location", &location)], ""),
        WireAnswer::response(418, &[], ""),
        file(&[("Content-Encoding", "gzip")], FILE),
        file(&[(CRC, "1")], FILE),
        file(&[("X-Filler", &too_long)], FILE),
        cut("10", ETAG, b"012"),
        WireAnswer::raw("HTTP/1.1 200 OK\r\n\r\n012").then_close(),
        WireAnswer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno").then_close(),
        WireAnswer::raw("nonsense\r\n\r\n").then_close(),
        WireAnswer::Close,
    ] {
        let server = setup.server([answer]);
        assert_query_hidden(&setup.client_for(&server), &server.url());
        assert!(!requests(&server).is_empty());
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let untrusted = WireServer::tls([file(&[], FILE)]).unwrap();
    for base in [format!("http://{closed}"), untrusted.url()] {
        let elsewhere = setup.server([WireAnswer::Close]);
        assert_query_hidden(&setup.client_for(&elsewhere), &base);
    }
}

/// Checks that no text of a failing download shows the secret.
fn assert_query_hidden(client: &Client, base: &str) {
    let source = source(&format!("{base}/a.csv?q-signature={SECRET}")).with_policy(no_retries());
    let mut text = format!("{source:?} {}", client.text(source.clone()));
    let folder = Folder::new();
    let ended = client.download_while(source, folder.target(), |event| {
        write!(text, "{event:?}").unwrap();
        true
    });
    let failure = ended.unwrap().expect_err("an error");
    write!(text, "{failure:?} {failure:#?}").unwrap();
    let mut cause = Some(&failure as &dyn Error);
    while let Some(error) = cause {
        write!(text, "{error} {error:?}").unwrap();
        cause = error.source();
    }
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("/a.csv?..."), "{text}");
}
