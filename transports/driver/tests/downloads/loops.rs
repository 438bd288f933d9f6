//! What both loops do over time: events, pauses, limits and new URLs.

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
    world::{BOTH, End, OTHER_URL, URL, World, blocking_client, client, job_source, run, source},
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
fn error_kind(end: End) -> ErrorKind {
    match end {
        Err(failure) => failure.download_error().expect("not of a file").kind.clone(),
        Ok(downloaded) => panic!("expected an error, got {downloaded:?}"),
    }
}

/// Refuses the first URL and serves the file by any other.
fn renewing<const N: usize>(api: [&str; N]) -> World {
    World::new(|request| match request.uri().to_string().ends_with("0001") {
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
fn events_tell_of_each_piece_and_each_decision_in_order() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::spoiling(&file(), [|reply| reply.broken(4)]);
        let (events, end) = each.told(&world, source(), folder.at("a.csv"));
        end.unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.bytes, event.total)).collect();
        assert_eq!(told, [0, 4, 4, 4, 10, 10].map(|bytes| (bytes, Some(10))));
        let EventKind::Retrying { fault, delay } = &events[2].kind else { panic!("{events:?}") };
        assert_eq!(*fault, Fault::Incomplete);
        assert_eq!(world.slept(), [*delay]);
        assert_eq!(events[5].kind, EventKind::Ended);
    }
}

#[test]
fn d2_a_refused_url_is_replaced_by_one_of_the_job() {
    for each in BOTH {
        let folder = Folder::new();
        let world = renewing([RUNNING, NEW_URL]);
        let (events, end) = each.told(&world, job_source(), folder.at("a.csv"));
        assert_eq!(end.unwrap().report.new_urls, 1);
        assert!(matches!(events[2].kind, EventKind::NeedsUrl { refusal: Some(_) }), "{events:?}");
        assert_eq!(events[3].kind, EventKind::NewUrl);
        assert_eq!(world.urls(), [URL, OTHER_URL]);
    }
}

#[test]
fn polls_of_the_job_are_counted() {
    let (folder, world) = (Folder::new(), renewing([RUNNING, NEW_URL]));
    let target = folder.at("a.csv");
    let mut download = blocking_client(world).download(job_source(), &target).expect("a URL");
    assert_eq!(download.by_ref().count(), 7);
    assert_eq!(download.polls(), 2);
}

#[test]
fn what_the_transport_said_stands_beside_the_event_until_an_answer_comes() {
    let (folder, mut calls) = (Folder::new(), 0);
    let world = World::new(move |request| {
        calls += 1;
        if calls == 1 {
            Reply::unsent(TransportErrorKind::Connection)
        } else {
            file().answer(request)
        }
    });
    let mut download = blocking_client(world).download(source(), folder.at("a")).expect("a URL");
    assert!(matches!(download.next().expect("an event").kind, EventKind::Retrying { .. }));
    let said = download.transport().expect("an error");
    assert_eq!(std::error::Error::source(said).expect("a source").to_string(), "made up");
    assert_eq!(download.next().expect("an event").kind, EventKind::Receiving);
    assert!(download.transport().is_none());
}

#[test]
fn a_job_without_a_file_ends_the_download_with_both_errors() {
    for each in BOTH {
        let folder = Folder::new();
        let (_, end) = each.told(&renewing([FAILURE]), job_source(), folder.at("a.csv"));
        let Err(DownloadError::NewUrl { error, wait }) = end else { panic!("{end:?}") };
        assert!(matches!(error.kind, ErrorKind::Expired { refusal: Some(_) }));
        assert_eq!(wait.report.polls, 1);
        assert!(folder.names().is_empty());
    }
}

#[test]
fn without_a_job_a_refused_url_is_the_end() {
    for each in BOTH {
        let folder = Folder::new();
        let end = each.download(&renewing([]), folder.at("a.csv"));
        assert!(matches!(error_kind(end), ErrorKind::Expired { refusal: Some(_) }));
    }
}

#[test]
fn d10_silence_is_a_stall_after_its_limit_and_the_rest_is_asked_for() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::spoiling(&file(), [|reply| reply.cut(4, Piece::Silence)]);
        let (events, end) = each.told(&world, source(), folder.at("a.csv"));
        end.unwrap();
        let EventKind::Retrying { fault, .. } = &events[2].kind else { panic!("{events:?}") };
        assert_eq!(*fault, Fault::Stalled);
        assert!(world.elapsed() >= Policy::STALL_LIMIT);
        assert_eq!(world.ranges(), ["", "bytes=4-"]);
    }
}

#[test]
fn d10_slow_is_not_stalled() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::new(|request| file().answer(request).in_pieces(1).slowly(59 * SECOND));
        each.download(&world, folder.at("a.csv")).unwrap();
        assert_eq!(world.requests(), 1);
        assert_eq!(world.elapsed(), 590 * SECOND);
    }
}

#[test]
fn the_total_limit_holds_while_bytes_are_coming() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::new(|request| file().answer(request).in_pieces(1).slowly(10 * SECOND));
        let source = source().with_policy(within(45 * SECOND));
        let (_, end) = each.told(&world, source, folder.at("a.csv"));
        assert_eq!(error_kind(end), ErrorKind::TimedOut);
        assert_eq!(world.elapsed(), 50 * SECOND);
        assert_eq!(read(folder.at(".a.csv.part")), b"0123");
        let world = World::serving(&file());
        each.download(&world, folder.at("a.csv")).unwrap();
        assert_eq!(world.ranges(), ["bytes=4-"]);
    }
}

#[test]
fn the_total_limit_holds_in_a_pause() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::new(|_| Reply::unsent(TransportErrorKind::Connection));
        let source = source().with_policy(within(SECOND / 10));
        let (_, end) = each.told(&world, source, folder.at("a.csv"));
        assert_eq!(error_kind(end), ErrorKind::TimedOut);
        assert_eq!(world.elapsed(), SECOND / 10);
    }
}

#[test]
fn the_total_limit_holds_while_a_new_url_is_waited_for() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::new(|_| Reply::expired()).with_api([RUNNING; 20]);
        let source = job_source().with_policy(within(60 * SECOND));
        let (_, end) = each.told(&world, source, folder.at("a.csv"));
        assert_eq!(error_kind(end), ErrorKind::TimedOut);
        assert_eq!(world.elapsed(), 60 * SECOND);
    }
}

#[test]
fn a_poll_for_a_new_url_is_told_what_the_download_has_left() {
    for (total, expected) in [(None, 30), (Some(50 * SECOND), 30), (Some(20 * SECOND), 20)] {
        for each in BOTH {
            let folder = Folder::new();
            let world = World::new(|_| Reply::expired()).with_api([NEW_URL]);
            let policy = total.map(|total| within(total));
            let source = job_source().with_policy(policy.unwrap_or_default());
            each.told(&world, source, folder.at("a.csv")).1.unwrap_err();
            assert_eq!(world.exchange_limits(), [expected * SECOND]);
        }
    }
}

#[test]
fn each_poll_for_a_new_url_is_told_what_is_left_by_then() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::new(|_| Reply::expired()).with_api([RUNNING; 20]);
        let source = job_source().with_policy(within(60 * SECOND));
        each.told(&world, source, folder.at("a.csv")).1.unwrap_err();
        let limits = world.exchange_limits();
        // Between polls 2 s at first, half as much more each time, and 15 s at most.
        let polls = [60.0, 58.0, 55.0, 50.5, 43.75, 33.625, 18.625, 3.625_f64];
        let expected = polls.map(|left| Duration::from_secs_f64(left.min(30.0)));
        assert_eq!(limits, expected);
    }
}

#[test]
fn the_stream_of_events_ends_and_leaves_the_outcome() {
    run(async {
        let folder = Folder::new();
        let world = World::serving(&file());
        let target = folder.at("a.csv");
        let mut download = client(world).download(source(), &target).expect("a URL");
        let first = pin!(download.events()).next().await.expect("an event");
        assert_eq!(first.kind, EventKind::Receiving);
        assert_eq!(pin!(download.events()).count().await, 2);
        assert_eq!(download.next().await, None);
        assert_eq!(download.outcome().await.expect("a file").bytes, 10);
    });
}

/// However far a call of `next` came before it was dropped, the bytes that are there are right.
#[test]
fn a_call_dropped_at_the_file_ends_the_download_and_another_goes_on() {
    let dropped = Cell::new(0);
    for events in 0..5 {
        run(async {
            let folder = Folder::new();
            let target = folder.at("a.csv");
            let world = World::new(|request| file().answer(request).in_pieces(4));
            let mut download = client(world).download(source(), &target).expect("a URL");
            for _ in 0..events {
                download.next().await.expect("an event");
            }
            // It waits for nothing but a thread for files, which may have been faster.
            if is_pending(download.next()) {
                dropped.update(|count| count + 1);
                assert_eq!(download.next().await, None);
                assert_eq!(file_error_kind(download.outcome().await), FileErrorKind::Dropped);
            } else {
                drop(download);
            }
            // The thread of the file may still have it for a moment.
            let end = loop {
                let target = Target::new(&target).replacing();
                let next = client(World::serving(&file())).download(source(), target);
                match next.expect("a URL").outcome().await {
                    Err(DownloadError::File(error)) if error.kind() == FileErrorKind::Busy => {}
                    end => break end,
                }
            };
            end.expect("a file");
            assert_eq!(read(&target), file().bytes);
        });
    }
    assert_ne!(dropped.get(), 0);
}

#[test]
fn a_request_dropped_without_an_answer_is_made_again_at_once() {
    run(async {
        let (world, hangs) = (World::serving(&file()), Rc::new(Cell::new(true)));
        let platform = Hanging { world: world.clone(), hangs: hangs.clone() };
        let mut written = vec![];
        let mut download = client(platform).download_into(source(), &mut written).expect("a URL");
        assert!(is_pending(download.next()));
        hangs.set(false);
        assert_eq!(download.outcome().await.expect("a file").report.requests, 2);
        assert_eq!(written, file().bytes);
        assert_eq!(world.elapsed(), Duration::ZERO);
    });
}

fn is_pending<T>(call: impl Future<Output = T>) -> bool {
    pin!(call).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// A world that lets its caller wait as long as it hangs.
struct Hanging {
    world: World,
    hangs: Rc<Cell<bool>>,
}

impl Transport for Hanging {
    fn now(&self) -> Now {
        self.world.now()
    }

    async fn sleep(&self, duration: Duration) {
        if self.hangs.get() {
            pending::<()>().await;
        }
        self.world.sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if self.hangs.get() {
            pending::<()>().await;
        }
        self.world.send(request).await
    }
}

#[test]
fn an_error_of_the_file_ends_the_events_and_is_the_outcome() {
    for each in BOTH {
        let folder = Folder::new();
        folder.with("a.csv", "old");
        let (events, end) = each.told(&World::serving(&file()), source(), folder.at("a.csv"));
        assert!(events.is_empty());
        assert_eq!(file_error_kind(end), FileErrorKind::Exists);
    }
}
