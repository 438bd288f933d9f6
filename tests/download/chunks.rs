//! Chunks: when there are any, their requests, and which responses have them.

use std::time::Duration;

use http::{Request, Response, response::Parts};
use tcss_export::{
    core::{
        ClockOffset, Limits, Mono,
        download::{Chunk, Download, Opening, Received},
    },
    download::{EventKind, Fault, Policy},
};

use crate::{
    run::{Run, download, run},
    server::crc64,
};

const LENGTH: u64 = 5 << 20;

/// Returns the head of a response that is the whole file.
fn whole() -> Parts {
    head(200, &[("content-length", "5242880"), ("accept-ranges", "bytes")])
}

fn head(status: u16, headers: &[(&str, &str)]) -> Parts {
    let tagged = Response::builder().status(status).header("etag", "\"v1\"");
    let all = headers.iter().fold(tagged, |head, (name, value)| head.header(*name, *value));
    all.body(()).expect("a head").into_parts().0
}

/// Starts a download whose response has this head.
fn opened(policy: &Policy, head: &Parts) -> Run {
    let mut run = Run::new(policy);
    run.download.start(run.now(), ClockOffset::default()).expect("a request");
    assert_eq!(run.download.head(run.mono(), head), Opening::StartOver);
    run
}

fn chunk(download: &Download, start: u64) -> (Chunk, Request<()>) {
    download.chunk(start).expect("a chunk")
}

#[test]
fn chunks_reach_the_end_of_the_file_and_no_further() {
    let run = opened(&Policy::default(), &whole());
    let mut ranges = vec![];
    let mut start = Chunk::LENGTH;
    while let Some((chunk, request)) = run.download.chunk(start) {
        assert_eq!(chunk.start(), start);
        ranges.push(request.headers()["range"].to_str().expect("text").to_owned());
        start = chunk.end();
    }
    let expected = [
        "bytes=1048576-2097151",
        "bytes=2097152-3145727",
        "bytes=3145728-4194303",
        "bytes=4194304-5242879",
    ];
    assert_eq!(ranges, expected);
    assert!(run.download.chunk(u64::MAX).is_none());
}

#[test]
fn the_request_of_a_chunk_has_the_limits_and_the_tag_of_the_download() {
    let mut policy = Policy::default();
    policy.total_limit = Some(Duration::from_secs(100));
    let (_, request) = chunk(&opened(&policy, &whole()).download, Chunk::LENGTH);
    assert_eq!(request.uri(), crate::run::URL);
    assert_eq!(request.headers()["if-range"], "\"v1\"");
    assert_eq!(request.headers()["accept-encoding"], "identity");
    assert_eq!(Limits::of(&request).total, policy.total_limit);
}

#[test]
fn a_download_that_is_not_in_a_body_has_no_chunks() {
    assert!(run().download.chunk(Chunk::LENGTH).is_none());
    assert!(download(&Policy::default()).chunk(0).is_none());
    let mut run = opened(&Policy::default(), &whole());
    run.download.cancel();
    assert!(run.download.chunk(Chunk::LENGTH).is_none());
}

#[test]
fn a_short_or_unproven_response_has_no_chunks() {
    for (status, headers) in [
        (200, &[("content-length", "2097151"), ("accept-ranges", "bytes")][..]),
        (200, &[("content-length", "5242880")]),
        (200, &[("content-length", "5242880"), ("accept-ranges", "none")]),
        (200, &[("transfer-encoding", "chunked"), ("accept-ranges", "bytes")]),
    ] {
        let run = opened(&Policy::default(), &head(status, headers));
        assert!(run.download.chunk(Chunk::LENGTH).is_none(), "{headers:?}");
    }
    let mut weak = whole();
    weak.headers.insert("etag", "W/\"v1\"".parse().expect("a header"));
    assert!(opened(&Policy::default(), &weak).download.chunk(Chunk::LENGTH).is_none());
}

/// Returns a run whose first connection broke after two chunks, with the second request sent.
fn resumed() -> Run {
    let mut run = opened(&Policy::default(), &whole());
    let bytes = vec![7; 2 << 20];
    assert_eq!(run.download.body(run.mono(), &bytes), Received::Write(&bytes));
    run.download.ended(run.mono(), Err(tcss_export::driver::TransportErrorKind::Truncated));
    run.wait_until_due();
    run.download.start(run.now(), ClockOffset::default()).expect("a request");
    run
}

#[test]
fn a_resumed_response_has_chunks_unless_it_ends_before_the_file() {
    for (range, first) in
        [("bytes 2097152-5242879/5242880", Some(3 << 20)), ("bytes 2097152-4194303/5242880", None)]
    {
        let mut run = resumed();
        let head = head(206, &[("content-range", range)]);
        assert_eq!(run.download.head(run.mono(), &head), Opening::Append);
        let found = run.download.chunk(3 << 20).map(|(chunk, _)| chunk.start());
        assert_eq!(found, first, "{range}");
    }
}

#[test]
fn after_a_restart_there_are_no_chunks() {
    let mut run = resumed();
    let mut changed = whole();
    changed.headers.insert("etag", "\"v2\"".parse().expect("a header"));
    assert_eq!(run.download.head(run.mono(), &changed), Opening::StartOver);
    assert!(run.download.chunk(Chunk::LENGTH).is_none());
}

const RANGE: (&str, &str) = ("content-range", "bytes 1048576-2097151/5242880");

#[test]
fn only_a_response_with_the_very_range_of_the_same_file_has_a_chunk() {
    let mut first = whole();
    first.headers.insert("x-cos-hash-crc64ecma", "17".parse().expect("a header"));
    let (chunk, _) = chunk(&opened(&Policy::default(), &first).download, Chunk::LENGTH);
    let length = ("content-length", "1048576");
    for headers in
        [&[RANGE][..], &[RANGE, length], &[RANGE, length, ("x-cos-hash-crc64ecma", "17")]]
    {
        assert!(chunk.is_body_of(&head(206, headers)), "{headers:?}");
        assert!(!chunk.is_body_of(&head(200, headers)), "{headers:?}");
    }
    for headers in [
        &[][..],
        &[("content-range", "bytes 1048577-2097151/5242880")],
        &[("content-range", "bytes 1048576-2097150/5242880")],
        &[("content-range", "bytes 1048576-2097151/5242881")],
        &[("content-range", "bytes 1048576-2097151/*")],
        &[RANGE, RANGE],
        &[RANGE, ("content-length", "1048575")],
        &[RANGE, ("content-length", "x")],
        &[RANGE, ("content-encoding", "gzip")],
        &[RANGE, ("transfer-encoding", "gzip")],
        &[RANGE, ("x-cos-hash-crc64ecma", "18")],
        &[RANGE, ("x-cos-hash-crc64ecma", "x")],
        &[RANGE, ("etag", "\"v1\"")],
    ] {
        assert!(!chunk.is_body_of(&head(206, headers)), "{headers:?}");
    }
    for etag in ["\"v2\"", "W/\"v1\"", "v1", ""] {
        let mut head = head(206, &[RANGE]);
        head.headers.insert("etag", etag.parse().expect("a header"));
        assert!(!chunk.is_body_of(&head), "{etag}");
    }
}

#[test]
fn a_stopped_body_is_continued_at_once_and_no_failure() {
    let mut policy = Policy::default();
    policy.max_failures = 0;
    let mut run = opened(&policy, &whole());
    let bytes = vec![7; 3 << 20];
    run.download.body(run.mono(), &bytes);
    let event = run.download.stop_body(run.mono());
    assert_eq!((event.bytes, event.kind), (3 << 20, EventKind::Continuing));
    let rest = run.download.start(run.now(), ClockOffset::default()).expect("due at once");
    assert_eq!(rest.headers()["range"], "bytes=3145728-");
}

#[test]
fn a_body_stopped_at_the_end_of_the_file_completes_it() {
    let bytes = vec![7; LENGTH as usize];
    let mut first = whole();
    let crc = crc64(&bytes).to_string();
    first.headers.insert("x-cos-hash-crc64ecma", crc.parse().expect("a header"));
    let mut run = opened(&Policy::default(), &first);
    run.download.sent_chunk();
    run.download.body(run.mono(), &bytes);
    assert_eq!(run.download.stop_body(run.mono()).kind, EventKind::Ended);
    let downloaded = run.download.finish().expect("a file");
    assert_eq!((downloaded.verified, downloaded.report.requests), (true, 2));
}

#[test]
fn a_body_stopped_before_its_first_byte_is_incomplete() {
    let mut run = opened(&Policy::default(), &whole());
    let EventKind::Retrying { fault, .. } = run.download.stop_body(run.mono()).kind else {
        panic!("expected a failure")
    };
    assert_eq!(fault, Fault::Incomplete);
}

#[test]
fn without_a_body_there_is_nothing_to_stop() {
    let mut run = run();
    assert_eq!(run.download.stop_body(Mono::default()).kind, EventKind::Ignored);
    run.wait_until_due();
    assert_eq!(run.download.bytes(), 0);
}

#[test]
fn wrong_bytes_of_chunks_start_over() {
    let mut first = whole();
    first.headers.insert("x-cos-hash-crc64ecma", "17".parse().expect("a header"));
    let mut run = opened(&Policy::default(), &first);
    run.download.sent_chunk();
    run.download.body(run.mono(), &vec![7; LENGTH as usize]);
    let event = run.download.stop_body(run.mono());
    let EventKind::Retrying { fault, .. } = event.kind else { panic!("{event:?}") };
    assert_eq!((fault, event.bytes), (Fault::Mismatch, 0));
}
