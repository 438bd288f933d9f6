//! Events, pauses, limits of time and new URLs.

use std::{
    cell::Cell,
    future::{Future, pending},
    pin::pin,
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::StreamExt;
use http::{Request, Response};
use tcss_export_core::{
    Now, TransportErrorKind,
    download::{ErrorKind, EventKind, Fault, Policy},
};
use tcss_export_driver::{Body, DownloadError, FileErrorKind, Target, Transport, TransportError};

use crate::{
    folder::{Folder, file_error_kind, read},
    server::{File, Piece, Reply},
    transport::{
        BOTH_CLIENTS, DownloadResult, OTHER_URL, TestTransport, URL, async_client, block_on,
        blocking_client, job_source, source,
    },
};

const SECOND: Duration = Duration::from_secs(1);
const NEW_URL: &str = r#"{"Response":{"ExportStatus":"SUCCESS",
    "DownloadURL":"https://h.example/a.csv?q-signature=EXAMPLE0002","RequestId":"r-1"}}"#;
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","RequestId":"r-1"}}"#;
const FAILURE: &str = r#"{"Response":{"ExportStatus":"FAILURE","RequestId":"r-1"}}"#;

fn file() -> File {
    File::new("0123456789")
}

#[track_caller]
fn error_kind(result: DownloadResult) -> ErrorKind {
    match result {
        Err(failure) => failure.download_error().expect("an error of the download").kind.clone(),
        Ok(downloaded) => panic!("expected an error, got {downloaded:?}"),
    }
}

/// Refuses the first URL and serves the file by any other.
fn renewing<const N: usize>(api: [&str; N]) -> TestTransport {
    TestTransport::new(|request| match request.uri().to_string().ends_with("0001") {
        true => Reply::expired(),
        false => file().answer(request),
    })
    .with_api(api)
}

fn within(limit: Duration) -> Policy {
    let mut policy = Policy::default();
    policy.total_limit = Some(limit);
    policy
}

#[test]
fn events_report_each_piece_and_each_decision_in_order() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = TestTransport::faulty(&file(), [|reply| reply.broken(4)]);
        let (events, result) =
            client.download_with_events(&transport, source(), folder.at("a.csv"));
        result.unwrap();
        let progress: Vec<_> = events.iter().map(|event| (event.bytes, event.total)).collect();
        assert_eq!(progress, [0, 4, 4, 4, 10, 10].map(|bytes| (bytes, Some(10))));
        let EventKind::Retrying { fault, delay } = &events[2].kind else { panic!("{events:?}") };
        assert_eq!(*fault, Fault::Incomplete);
        assert_eq!(transport.slept(), [*delay]);
        assert_eq!(events[5].kind, EventKind::Ended);
    }
}

#[test]
fn a_refused_url_is_replaced_by_the_job() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = renewing([RUNNING, NEW_URL]);
        let (events, result) =
            client.download_with_events(&transport, job_source(), folder.at("a.csv"));
        assert_eq!(result.unwrap().report.new_urls, 1);
        assert!(matches!(events[2].kind, EventKind::NeedsUrl { refusal: Some(_) }), "{events:?}");
        assert_eq!(events[3].kind, EventKind::NewUrl);
        assert_eq!(transport.urls(), [URL, OTHER_URL]);
    }
}

#[test]
fn polls_of_the_job_are_counted() {
    let (folder, transport) = (Folder::new(), renewing([RUNNING, NEW_URL]));
    let target = folder.at("a.csv");
    let mut download = blocking_client(transport).download(job_source(), &target).expect("a URL");
    assert_eq!(download.by_ref().count(), 7);
    assert_eq!(download.polls(), 2);
}

#[test]
fn the_transport_error_is_available_until_an_answer_arrives() {
    let (folder, mut calls) = (Folder::new(), 0);
    let transport = TestTransport::new(move |request| {
        calls += 1;
        if calls == 1 {
            Reply::unsent(TransportErrorKind::Connection)
        } else {
            file().answer(request)
        }
    });
    let mut download =
        blocking_client(transport).download(source(), folder.at("a")).expect("a URL");
    assert!(matches!(download.next().expect("an event").kind, EventKind::Retrying { .. }));
    let error = download.transport().expect("an error");
    assert_eq!(std::error::Error::source(error).expect("a source").to_string(), "made up");
    assert_eq!(download.next().expect("an event").kind, EventKind::Receiving);
    assert!(download.transport().is_none());
}

#[test]
fn a_failed_job_ends_the_download_with_both_errors() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let (_, result) =
            client.download_with_events(&renewing([FAILURE]), job_source(), folder.at("a.csv"));
        let Err(DownloadError::NewUrl { error, wait }) = result else { panic!("{result:?}") };
        assert!(matches!(error.kind, ErrorKind::Expired { refusal: Some(_) }));
        assert_eq!(wait.report.polls, 1);
        assert!(folder.names().is_empty());
    }
}

#[test]
fn without_a_job_a_refused_url_ends_the_download() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let result = client.download(&renewing([]), folder.at("a.csv"));
        assert!(matches!(error_kind(result), ErrorKind::Expired { refusal: Some(_) }));
    }
}

#[test]
fn no_byte_within_the_stall_limit_is_a_stall_and_the_rest_is_requested() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = TestTransport::faulty(&file(), [|reply| reply.cut(4, Piece::Hang)]);
        let (events, result) =
            client.download_with_events(&transport, source(), folder.at("a.csv"));
        result.unwrap();
        let EventKind::Retrying { fault, .. } = &events[2].kind else { panic!("{events:?}") };
        assert_eq!(*fault, Fault::Stalled);
        assert!(transport.elapsed() >= Policy::STALL_LIMIT);
        assert_eq!(transport.ranges(), ["", "bytes=4-"]);
    }
}

#[test]
fn a_slow_download_is_not_a_stall() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport =
            TestTransport::new(|request| file().answer(request).in_pieces(1).slowly(59 * SECOND));
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.requests(), 1);
        assert_eq!(transport.elapsed(), 590 * SECOND);
    }
}

#[test]
fn the_total_limit_applies_while_bytes_arrive() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport =
            TestTransport::new(|request| file().answer(request).in_pieces(1).slowly(10 * SECOND));
        let source = source().with_policy(within(45 * SECOND));
        let (_, result) = client.download_with_events(&transport, source, folder.at("a.csv"));
        assert_eq!(error_kind(result), ErrorKind::TimedOut);
        assert_eq!(transport.elapsed(), 50 * SECOND);
        assert_eq!(read(folder.at(".a.csv.part")), b"0123");
        let transport = TestTransport::serving(&file());
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), ["bytes=4-"]);
    }
}

#[test]
fn the_total_limit_applies_during_a_pause() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = TestTransport::new(|_| Reply::unsent(TransportErrorKind::Connection));
        let source = source().with_policy(within(SECOND / 10));
        let (_, result) = client.download_with_events(&transport, source, folder.at("a.csv"));
        assert_eq!(error_kind(result), ErrorKind::TimedOut);
        assert_eq!(transport.elapsed(), SECOND / 10);
    }
}

#[test]
fn the_total_limit_applies_while_waiting_for_a_new_url() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = TestTransport::new(|_| Reply::expired()).with_api([RUNNING; 20]);
        let source = job_source().with_policy(within(60 * SECOND));
        let (_, result) = client.download_with_events(&transport, source, folder.at("a.csv"));
        assert_eq!(error_kind(result), ErrorKind::TimedOut);
        assert_eq!(transport.elapsed(), 60 * SECOND);
    }
}

#[test]
fn a_poll_for_a_new_url_carries_the_time_left_for_the_download() {
    for (total, expected) in [(None, 30), (Some(50 * SECOND), 30), (Some(20 * SECOND), 20)] {
        for client in BOTH_CLIENTS {
            let folder = Folder::new();
            let transport = TestTransport::new(|_| Reply::expired()).with_api([NEW_URL]);
            let policy = total.map(within);
            let source = job_source().with_policy(policy.unwrap_or_default());
            client.download_with_events(&transport, source, folder.at("a.csv")).1.unwrap_err();
            assert_eq!(transport.exchange_limits(), [expected * SECOND]);
        }
    }
}

#[test]
fn each_poll_for_a_new_url_carries_the_time_left_at_its_start() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = TestTransport::new(|_| Reply::expired()).with_api([RUNNING; 20]);
        let source = job_source().with_policy(within(60 * SECOND));
        client.download_with_events(&transport, source, folder.at("a.csv")).1.unwrap_err();
        let limits = transport.exchange_limits();
        // Expected: the time left at each poll by the intervals of the guide, by Python.
        let millis = limits.iter().map(Duration::as_millis).collect::<Vec<_>>();
        let expected = [30_000; 7].into_iter().chain([29_743, 22_197, 13_821, 4_611]);
        assert_eq!(millis, expected.collect::<Vec<_>>());
    }
}

#[test]
fn the_outcome_is_available_after_the_stream_of_events_has_ended() {
    block_on(async {
        let folder = Folder::new();
        let transport = TestTransport::serving(&file());
        let target = folder.at("a.csv");
        let mut download = async_client(transport).download(source(), &target).expect("a URL");
        let first = pin!(download.events()).next().await.expect("an event");
        assert_eq!(first.kind, EventKind::Receiving);
        assert_eq!(pin!(download.events()).count().await, 2);
        assert_eq!(download.next().await, None);
        assert_eq!(download.outcome().await.expect("a file").bytes, 10);
    });
}

/// The bytes of the part are right wherever the dropped call of `next` was.
#[test]
fn a_call_of_next_dropped_within_file_io_ends_the_download_and_leaves_the_target_usable() {
    let dropped = Cell::new(0);
    for events in 0..5 {
        block_on(async {
            let folder = Folder::new();
            let target = folder.at("a.csv");
            let transport = TestTransport::new(|request| file().answer(request).in_pieces(4));
            let mut download = async_client(transport).download(source(), &target).expect("a URL");
            for _ in 0..events {
                download.next().await.expect("an event");
            }
            // The call waits only for the thread of file I/O, which may have been faster.
            if is_pending(download.next()) {
                dropped.update(|count| count + 1);
                assert_eq!(download.next().await, None);
                assert_eq!(file_error_kind(download.outcome().await), FileErrorKind::Dropped);
            } else {
                drop(download);
            }
            // The thread may still hold the lock for a moment.
            let result = loop {
                let target = Target::new(&target).replacing();
                let next = async_client(TestTransport::serving(&file())).download(source(), target);
                match next.expect("a URL").outcome().await {
                    Err(DownloadError::File(error)) if error.kind() == FileErrorKind::Busy => {}
                    result => break result,
                }
            };
            result.expect("a file");
            assert_eq!(read(&target), file().bytes);
        });
    }
    assert_ne!(dropped.get(), 0);
}

#[test]
fn a_request_dropped_without_an_answer_is_sent_again_at_once() {
    block_on(async {
        let (transport, hangs) = (TestTransport::serving(&file()), Rc::new(Cell::new(true)));
        let hanging = Hanging { transport: transport.clone(), hangs: hangs.clone() };
        let mut written = vec![];
        let mut download =
            async_client(hanging).download_into(source(), &mut written).expect("a URL");
        assert!(is_pending(download.next()));
        hangs.set(false);
        assert_eq!(download.outcome().await.expect("a file").report.requests, 2);
        assert_eq!(written, file().bytes);
        assert_eq!(transport.elapsed(), Duration::ZERO);
    });
}

fn is_pending<T>(call: impl Future<Output = T>) -> bool {
    pin!(call).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// A transport that is pending as long as `hangs` is set.
struct Hanging {
    transport: TestTransport,
    hangs: Rc<Cell<bool>>,
}

impl Transport for Hanging {
    fn now(&self) -> Now {
        self.transport.now()
    }

    async fn sleep(&self, duration: Duration) {
        if self.hangs.get() {
            pending::<()>().await;
        }
        self.transport.sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if self.hangs.get() {
            pending::<()>().await;
        }
        self.transport.send(request).await
    }
}

#[test]
fn a_file_error_ends_the_events_and_is_the_outcome() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        folder.with("a.csv", "old");
        let (events, result) = client.download_with_events(
            &TestTransport::serving(&file()),
            source(),
            folder.at("a.csv"),
        );
        assert!(events.is_empty());
        assert_eq!(file_error_kind(result), FileErrorKind::Exists);
    }
}
