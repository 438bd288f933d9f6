//! Downloads with several connections.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::io::AsyncWrite;
use tcss_export_core::{
    AddressPolicy, TransportErrorKind,
    download::{Downloaded, ErrorKind, EventKind, Fault, Policy},
};
use tcss_export_driver::{DownloadError, Source, Target};
use tokio::time::{Instant, timeout};

use crate::{
    folder::{Folder, read},
    server::{File, Piece, Reply},
    throttled::{Asked, PAUSE, PIECE, ROUND_TRIP, Server},
    transport::{DownloadResult, URL, async_client, job_source, source},
};

/// The length of a chunk, as documented.
const CHUNK: usize = 1 << 20;

/// Makes a file whose bytes differ from position to position and from version to version.
fn made_up(length: usize, version: u64) -> File {
    let words = (0..length as u64 / 8 + 1).flat_map(|word| {
        (word ^ version << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).to_le_bytes()
    });
    let bytes: Vec<u8> = words.take(length).collect();
    File::new(bytes).with_etag(&format!("\"v{version}\""))
}

fn policy(connections: u32) -> Policy {
    let mut policy = Policy::default();
    // A chunk must never fail a download.
    policy.max_failures = 0;
    policy.connections = connections;
    policy
}

fn source_with(connections: u32) -> Source {
    source().with_policy(policy(connections))
}

/// Downloads into memory.
async fn written(server: &Server, source: Source) -> (Vec<u8>, DownloadResult) {
    let mut written = vec![];
    let download = async_client(server.clone()).download_into(source, &mut written);
    let result = download.expect("a URL").outcome().await;
    (written, result)
}

/// Downloads to a file, which must be the expected one.
async fn saved(server: &Server, source: Source, expected: &File) -> Downloaded {
    let folder = Folder::new();
    let download = async_client(server.clone()).download(source, folder.at("a.csv"));
    let downloaded = download.expect("a URL").outcome().await.expect("a file");
    assert_eq!(folder.names(), ["a.csv"]);
    assert!(read(folder.at("a.csv")) == expected.bytes, "other bytes than expected");
    downloaded
}

#[tokio::test(start_paused = true)]
async fn eight_connections_are_seven_times_as_fast_as_one() {
    let file = made_up(32 * CHUNK, 1);
    let mut times = vec![];
    for connections in [1, 8] {
        let server = Server::new(&file);
        let (bytes, result) = written(&server, source_with(connections)).await;
        assert!(bytes == file.bytes && result.expect("a file").verified);
        assert_eq!(server.most_busy(), connections as usize);
        times.push(server.elapsed().as_secs_f64());
    }
    let ratio = times[0] / times[1];
    assert!((7.0..=8.0).contains(&ratio), "{ratio:.2}: {times:?}");
}

#[tokio::test(start_paused = true)]
async fn each_chunk_is_requested_once_and_nothing_after_the_end() {
    let file = made_up(3 * CHUNK + 5, 1);
    for connections in [2, 3, 16] {
        let server = Server::new(&file);
        let (bytes, result) = written(&server, source_with(connections)).await;
        assert!(bytes == file.bytes);
        let ranges = ["", "1048576-2097151", "2097152-3145727", "3145728-3145732"];
        assert_eq!(server.ranges(), ranges, "{connections}");
        let report = result.expect("a file").report;
        assert_eq!((report.requests, report.resumes, report.last_fault), (4, 0, None));
        assert!(server.most_busy() <= connections as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn pieces_need_not_end_where_chunks_do() {
    let file = made_up(8 * CHUNK, 1);
    let server = Server::with(&file, |_, reply| reply.in_pieces(100_000).slowly(PAUSE));
    let (bytes, result) = written(&server, source_with(4)).await;
    assert!(bytes == file.bytes && result.is_ok());
    // Two rounds of eleven pieces; one connection would send 84.
    assert!(server.elapsed() < 30 * PAUSE, "{:?}", server.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_chunk_is_requested_as_the_file_is_with_its_range_and_tag() {
    let server = Server::new(&made_up(2 * CHUNK, 1));
    let mut policy = policy(2);
    policy.total_limit = Some(Duration::from_secs(100));
    written(&server, source().with_policy(policy)).await.1.expect("a file");
    let [first, chunk] = &server.asked()[..] else { panic!("two requests") };
    assert_eq!((&*first.url, &*chunk.url), (URL, URL));
    assert_eq!(chunk.limits.address_policy, AddressPolicy::Public);
    assert_eq!(chunk.limits.stall, Some(Policy::STALL_LIMIT));
    let left = chunk.limits.total.expect("a limit");
    assert!(left < Duration::from_secs(100) && left > Duration::from_secs(99), "{left:?}");
    let mut expected = first.headers.clone();
    expected.insert("range", "bytes=1048576-2097151".parse().expect("a header"));
    expected.insert("if-range", "\"v1\"".parse().expect("a header"));
    assert_eq!(chunk.headers, expected);
}

#[tokio::test(start_paused = true)]
async fn more_connections_than_the_maximum_count_as_the_maximum() {
    let server = Server::new(&made_up(40 * CHUNK, 1));
    written(&server, source_with(u32::MAX)).await.1.expect("a file");
    assert_eq!(server.most_busy(), Policy::MAX_CONNECTIONS as usize);
    let server = Server::new(&made_up(4 * CHUNK, 1));
    written(&server, source_with(0)).await.1.expect("a file");
    assert_eq!(server.ranges(), [""]);
}

/// Downloads a file of four chunks after a change of the reply, and returns the requested ranges.
async fn ranges_after(change: Change) -> Vec<String> {
    let server = Server::with(&made_up(4 * CHUNK, 1), move |_, reply| change(reply));
    written(&server, source_with(4)).await.1.expect("a file");
    server.ranges()
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_fetched_in_chunks_takes_one_request() {
    let changes: [Change; 5] = [
        |reply| reply.with("etag", "W/\"v1\""),
        |reply| reply.without("etag"),
        |reply| reply.without("accept-ranges"),
        |reply| reply.with("accept-ranges", "none"),
        |reply| reply.without("content-length").with("transfer-encoding", "chunked"),
    ];
    for change in changes {
        assert_eq!(ranges_after(change).await, [""]);
    }
    assert_eq!(ranges_after(|reply| reply).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_less_than_two_chunks_takes_one_request() {
    for (length, requests) in [(2 * CHUNK - 1, 1), (2 * CHUNK, 2), (0, 1)] {
        let (file, server) = (made_up(length, 1), Server::new(&made_up(length, 1)));
        let (bytes, result) = written(&server, source_with(8)).await;
        assert!(bytes == file.bytes && result.is_ok());
        assert_eq!(server.asked().len(), requests, "{length}");
    }
}

type Change = fn(Reply) -> Reply;

/// The faults of a chunk, none of which may harm the download.
const FAULTS: [(&str, Change); 20] = [
    ("another tag", |reply| reply.with("etag", "\"other\"")),
    ("no tag", |reply| reply.without("etag")),
    ("a weak tag", |reply| reply.with("etag", "W/\"v1\"")),
    ("another checksum", |reply| reply.with("x-cos-hash-crc64ecma", "1")),
    ("an unreadable checksum", |reply| reply.with("x-cos-hash-crc64ecma", "x")),
    ("no range", |reply| reply.without("content-range")),
    ("another start", |reply| reply.with("content-range", "bytes 0-1048575/6291456")),
    ("another end", |reply| reply.with("content-range", "bytes 1048576-1048577/6291456")),
    ("another length", |reply| reply.with("content-length", "5")),
    ("a content coding", |reply| reply.with("content-encoding", "gzip")),
    ("status 200", |reply| reply.status(200)),
    ("the whole file", |_| made_up(6 * CHUNK, 1).into()),
    ("not satisfiable", |_| Reply::of(416, "")),
    ("a redirect", |_| Reply::of(302, "").with("location", "https://other.example/")),
    ("an error page", |_| Reply::of(403, "<Error><Code>AccessDenied</Code></Error>")),
    ("an unavailable server", |_| Reply::of(503, "")),
    ("too many requests", |_| Reply::of(429, "").with("retry-after", "3600")),
    ("no answer", |_| Reply::unsent(TransportErrorKind::Connection)),
    ("a permanent error", |_| Reply::unsent(TransportErrorKind::Permanent)),
    ("no byte", |reply| reply.broken(0)),
];

#[tokio::test(start_paused = true)]
async fn a_chunk_that_cannot_be_used_costs_neither_the_file_nor_a_delay() {
    let file = made_up(6 * CHUNK, 1);
    for (name, fault) in FAULTS {
        // The first three chunks, as the first request has the bytes before them.
        for broken in ["1048576-", "2097152-", "3145728-"] {
            let server = Server::with(&file, move |asked, reply| {
                if asked.range.starts_with(broken) && !asked.range.ends_with('-') {
                    return fault(reply);
                }
                reply
            });
            let downloaded = saved(&server, source_with(3), &file).await;
            assert!(downloaded.verified, "{name}");
            assert_eq!((downloaded.report.last_fault, downloaded.report.restarts), (None, 0));
            // At worst one connection sends the whole file: 96 pieces.
            assert!(server.elapsed() < 110 * PAUSE, "{name} {broken}: {:?}", server.elapsed());
            assert_eq!(server.busy(), 0);
        }
    }
}

/// The generator xorshift64: one sequence of numbers per seed.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

#[tokio::test(start_paused = true)]
async fn after_any_faults_the_file_is_right_or_its_bytes_are_a_prefix() {
    let file = made_up(6 * CHUNK, 1);
    let mut complete = 0;
    for seed in 1..=40 {
        let (mut state, is_faulty) = (seed * 0x9e37_79b9, 2 + seed as usize % 5);
        let connections = 2 + random(&mut state) as u32 % 4;
        let server = Server::with(&file, move |_, reply| {
            let reply = match random(&mut state) % 8 {
                0 => reply.cut(random(&mut state) % CHUNK, Piece::Broken),
                1 => reply.cut(random(&mut state) % CHUNK, Piece::Hang),
                _ => reply,
            };
            match random(&mut state) % is_faulty {
                0 => FAULTS[random(&mut state) % FAULTS.len()].1(reply),
                _ => reply,
            }
        });
        let mut policy = policy(connections);
        policy.max_failures = 3;
        let (bytes, result) = written(&server, source().with_policy(policy)).await;
        complete += usize::from(result.is_ok());
        assert!(file.bytes.starts_with(&bytes), "seed {seed}");
        assert!(result.is_err() || bytes.len() == file.len(), "seed {seed}");
        assert_eq!(server.busy(), 0, "seed {seed}");
    }
    assert!((5..35).contains(&complete), "{complete}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_chunk_is_continued_at_once_over_as_many_connections() {
    let file = made_up(12 * CHUNK, 1);
    let server = Server::with(&file, |asked, reply| match &*asked.range {
        "2097152-3145727" => reply.broken(300_000),
        _ => reply,
    });
    let (bytes, result) = written(&server, source_with(3)).await;
    assert!(bytes == file.bytes && result.expect("a file").report.last_fault.is_none());
    let rest = server.asked().into_iter().find(|asked| asked.range.ends_with('-')).expect("a rest");
    assert_eq!(rest.range, format!("{}-", 2 * CHUNK + 300_000));
    let later = &server.asked()[rest.nth..];
    assert_eq!(later.iter().map(|asked| asked.busy + 1).max(), Some(3));
}

#[tokio::test(start_paused = true)]
async fn bytes_after_the_end_of_a_chunk_are_dropped() {
    let file = made_up(4 * CHUNK, 1);
    let server = Server::with(&file, |asked, mut reply| {
        if asked.nth > 0 {
            reply.body.push_back(Piece::Bytes("more".into()));
        }
        reply
    });
    let (bytes, result) = written(&server, source_with(2)).await;
    assert!(bytes == file.bytes && result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn wrong_bytes_under_the_right_head_are_noticed_and_one_connection_corrects_them() {
    let file = made_up(4 * CHUNK, 1);
    let wrong = |asked: &Asked, reply: Reply| match &*asked.range {
        "2097152-3145727" => {
            let mut other: Reply = made_up(CHUNK, 2).whole().into();
            other.head = reply.head;
            other.slowly(PAUSE)
        }
        _ => reply,
    };
    let mut policy = policy(4);
    policy.max_failures = 1;
    let server = Server::with(&file, wrong);
    let report = saved(&server, source().with_policy(policy.clone()), &file).await.report;
    assert_eq!((report.restarts, server.ranges().last().map(String::as_str)), (1, Some("")));
    // A writer cannot take them back.
    let server = Server::with(&file, wrong);
    let (_, result) = written(&server, source().with_policy(policy)).await;
    assert!(matches!(kind(result), ErrorKind::Mismatch { .. }));
}

#[track_caller]
fn kind(result: DownloadResult) -> ErrorKind {
    match result {
        Err(DownloadError::Download { error, .. }) => error.kind,
        result => panic!("expected an error of the download, got {result:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_connections_gets_fewer() {
    let file = made_up(20 * CHUNK, 1);
    for most in [1, 3, 5] {
        let server = Server::with(&file, move |asked, reply| match asked.busy < most {
            true => reply,
            false => Reply::of(503, "<Error><Code>SlowDown</Code></Error>"),
        });
        let (bytes, result) = written(&server, source_with(8)).await;
        assert!(bytes == file.bytes && result.expect("a file").report.last_fault.is_none());
        let refused = server.asked().iter().filter(|asked| asked.busy >= most).count();
        assert!(refused <= 8, "{most}: {refused}");
        let last = server.asked().iter().rev().take(5).map(|asked| asked.busy + 1).max();
        assert!(most == 1 || last == Some(most), "{most}: {last:?}");
        // As fast as that many connections, apart from a start and an end with fewer.
        let fastest = Duration::from_millis(20 * 160 / most as u64);
        assert!(server.elapsed() < fastest + 6 * 16 * PAUSE, "{most}: {:?}", server.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_connections_waiting_costs_no_more_than_a_stall() {
    let file = made_up(12 * CHUNK, 1);
    for serves in [1, 2] {
        let server = Server::new(&file).serving_at_once(serves);
        let (bytes, result) = written(&server, source_with(8)).await;
        assert!(bytes == file.bytes && result.is_ok());
        assert!(server.elapsed() < Policy::STALL_LIMIT + Duration::from_secs(3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_stalls_is_given_up_at_its_limit() {
    let file = made_up(6 * CHUNK, 1);
    for (range, length) in [("1048576-2097151", 0), ("3145728-4194303", 70_000)] {
        let server = Server::with(&file, move |asked, reply| match asked.range == range {
            true => reply.cut(length, Piece::Hang),
            false => reply,
        });
        let (bytes, result) = written(&server, source_with(4)).await;
        assert!(bytes == file.bytes && result.expect("a file").report.last_fault.is_none());
        let took = server.elapsed();
        assert!(
            took > Policy::STALL_LIMIT && took < Policy::STALL_LIMIT + 2 * Duration::from_secs(1)
        );
        assert_eq!(server.busy(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_chunk_is_awaited_as_long_as_bytes_arrive() {
    let file = made_up(4 * CHUNK, 1);
    let server = Server::with(&file, |asked, reply| match &*asked.range {
        "1048576-2097151" => {
            reply.in_pieces(PIECE).slowly(Policy::STALL_LIMIT - Duration::from_secs(1))
        }
        _ => reply,
    });
    let (bytes, result) = written(&server, source_with(4)).await;
    assert!(bytes == file.bytes);
    assert_eq!(result.expect("a file").report.requests, 4);
    assert!(server.elapsed() > 10 * Policy::STALL_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_twice_as_many_chunks_as_connections_are_in_memory() {
    let file = made_up(40 * CHUNK, 1);
    let server = Server::with(&file, |asked, reply| match &*asked.range {
        "1048576-2097151" => reply.cut(70_000, Piece::Hang),
        _ => reply,
    });
    let source = source_with(3);
    let mut download = async_client(server.clone())
        .download_into(source, futures_util::io::sink())
        .expect("a URL");
    while let Ok(Some(_)) = timeout(Duration::from_secs(50), download.next()).await {}
    // The chunk that hangs is the first of six.
    assert_eq!(server.ranges().last().expect("a request"), "6291456-7340031");
    assert_eq!(server.busy(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_is_downloaded_as_it_is_now_or_refused() {
    let (old, new) = (made_up(8 * CHUNK, 1), made_up(8 * CHUNK, 2));
    for at in [2, 4, 6] {
        let change = || {
            let new = new.clone();
            Server::with(&old, move |asked, reply| {
                if asked.nth < at {
                    return reply;
                }
                let mut request = http::Request::new(());
                *request.headers_mut() = asked.headers.clone();
                new.answer(&request).in_pieces(PIECE).slowly(PAUSE)
            })
        };
        let mut policy = policy(4);
        policy.max_failures = 2;
        let server = change();
        let report = saved(&server, source().with_policy(policy.clone()), &new).await.report;
        assert_eq!(report.restarts, 1);
        let (_, result) = written(&change(), source().with_policy(policy)).await;
        assert_eq!(kind(result), ErrorKind::Changed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_first_response_is_resumed_by_the_usual_rules() {
    let file = made_up(6 * CHUNK, 1);
    let server = Server::with(&file, |asked, reply| match asked.nth {
        0 => reply.broken(200_000),
        _ => reply,
    });
    let mut policy = policy(3);
    policy.max_failures = 1;
    let mut written = vec![];
    let client = async_client(server.clone());
    let mut download =
        client.download_into(source().with_policy(policy), &mut written).expect("a URL");
    let mut faults = vec![];
    while let Some(event) = download.next().await {
        if let EventKind::Retrying { fault, .. } = event.kind {
            faults.push(fault);
        }
    }
    assert_eq!((faults, download.outcome().await.is_ok()), (vec![Fault::Incomplete], true));
    assert!(written == file.bytes);
    assert!(server.ranges().contains(&"200000-".to_owned()));
    assert_eq!(server.most_busy(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_expired_url_is_renewed_and_used_over_as_many_connections() {
    let file = made_up(16 * CHUNK, 1);
    let server = Server::with(&file, |asked, reply| match asked.url == URL && asked.nth > 4 {
        true => Reply::expired(),
        false => reply,
    });
    let source = job_source().with_policy(policy(4));
    let report = saved(&server, source, &file).await.report;
    assert_eq!((report.new_urls, report.restarts), (1, 0));
    let renewed: Vec<_> = server.asked().into_iter().filter(|asked| asked.url != URL).collect();
    assert_eq!(renewed.iter().map(|asked| asked.busy + 1).max(), Some(4));
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_the_download_holds() {
    let server = Server::with(&made_up(8 * CHUNK, 1), |asked, reply| match asked.nth {
        0 => reply,
        _ => reply.cut(10, Piece::Hang),
    });
    let mut policy = policy(4);
    policy.total_limit = Some(Duration::from_secs(7));
    let (bytes, result) = written(&server, source().with_policy(policy)).await;
    assert_eq!((kind(result), bytes.len()), (ErrorKind::TimedOut, CHUNK + 10));
    assert_eq!((server.elapsed().as_secs(), server.busy()), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_download_leaves_no_connection() {
    let (file, folder) = (made_up(12 * CHUNK, 1), Folder::new());
    let server = Server::new(&file);
    let client = async_client(server.clone());
    let mut download = client.download(source_with(4), folder.at("a.csv")).expect("a URL");
    while download.next().await.expect("an event").bytes < 3 * CHUNK as u64 {}
    assert!(server.busy() > 1);
    drop(download);
    assert_eq!(server.busy(), 0);

    // The next one resumes after the bytes in the part file, and no chunk is lost or repeated.
    let server = Server::new(&file);
    let download = loop {
        let next = async_client(server.clone())
            .download(source_with(4), Target::new(folder.at("a.csv")))
            .expect("a URL");
        match next.outcome().await {
            // The thread of the dropped download may still hold the lock for a moment.
            Err(DownloadError::File(error))
                if error.kind() == tcss_export_driver::FileErrorKind::Busy => {}
            result => break result,
        }
    };
    assert_eq!(download.expect("a file").report.resumes, 1);
    assert!(read(folder.at("a.csv")) == file.bytes);
    assert!(server.ranges().iter().all(|range| !range.is_empty()));
    assert_eq!(server.most_busy(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_download_leaves_no_connection() {
    let server = Server::new(&made_up(12 * CHUNK, 1));
    let client = async_client(server.clone());
    let mut download =
        client.download_into(source_with(4), futures_util::io::sink()).expect("a URL");
    while download.next().await.expect("an event").bytes < CHUNK as u64 {}
    download.cancel();
    assert_eq!(server.busy(), 0);
    assert_eq!(kind(download.outcome().await), ErrorKind::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_of_an_event_costs_no_request() {
    let (file, mut written) = (made_up(6 * CHUNK, 1), vec![]);
    let server = Server::new(&file);
    let client = async_client(server.clone());
    let mut download = client.download_into(source_with(3), &mut written).expect("a URL");
    while download.next().await.expect("an event").bytes == 0 {}
    let began = Instant::now();
    let mut dropped = 0;
    loop {
        match timeout(Duration::from_millis(1), download.next()).await {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => dropped += 1,
        }
    }
    assert!(dropped > 100, "{dropped}");
    assert_eq!(download.outcome().await.expect("a file").report.requests, 6);
    assert!(written == file.bytes);
    // Two rounds of three chunks.
    assert!(began.elapsed() < 2 * (16 * PAUSE + ROUND_TRIP) + 10 * PAUSE, "{:?}", began.elapsed());
}

/// A writer that takes its time.
struct SlowWriter<'w>(&'w mut Vec<u8>, Option<Pin<Box<tokio::time::Sleep>>>);

impl AsyncWrite for SlowWriter<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let pause = || Box::pin(tokio::time::sleep(Duration::from_secs(2)));
        std::task::ready!(self.1.get_or_insert_with(pause).as_mut().poll(context));
        self.1 = None;
        self.0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_writer_is_no_stall() {
    let (file, mut written) = (made_up(6 * CHUNK, 1), vec![]);
    let server = Server::new(&file);
    let writer = SlowWriter(&mut written, None);
    let download = async_client(server.clone()).download_into(source_with(3), writer);
    let downloaded = download.expect("a URL").outcome().await.expect("a file");
    assert_eq!(downloaded.report.requests, 6);
    assert!(written == file.bytes);
}
