//! A recorded wait is replayed line by line, without network and clock.
#![cfg(feature = "serde")]

mod common;
#[path = "common/with.rs"]
mod with;

use std::time::Duration;

use common::{TIME, job, read, response, session, with_token};
use tcss_export::{
    Session,
    core::{
        Mono, Now, Wall,
        wait::{Replay, ReplayError, Step, TranscriptLine, Waiter},
    },
    driver::TransportErrorKind,
    error::ResponseError,
    wait::{EventKind, Policy},
};
use with::with;

const RUNNING: &str =
    r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":33.3,"RequestId":"r-1"}}"#;
const SUCCESS: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a.csv?q-signature=EXAMPLE"}}"#;
const FAILURE: &str =
    r#"{"Response":{"ExportStatus":"FAILURE","FailureMsg":"disk is full","RequestId":"r-3"}}"#;
const INTERNAL: &str =
    r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"},"RequestId":"r-2"}}"#;
const EXPIRED: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"}}}"#;
const BAD_TOKEN: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.TokenFailure","Message":"m"}}}"#;

#[derive(Clone, Copy)]
enum Reply {
    Json(&'static str),
    /// Its `Date` is ten minutes ahead of the local clock.
    Ahead(&'static str),
    Page,
    Fault(TransportErrorKind),
    NoCredentials,
}

use Reply::{Ahead, Fault, Json, NoCredentials, Page};

/// Runs a wait whose exchanges take 40 ms each, and returns its transcript.
fn record(script: &[Reply], policy: &Policy) -> Vec<TranscriptLine> {
    let mut session = session();
    let mut elapsed = Duration::ZERO;
    let origin = Duration::from_secs(5_000);
    let at = |elapsed: Duration| Now {
        wall: Wall::from_unix_millis(TIME * 1_000 + elapsed.as_millis() as i64),
        mono: Mono::from_origin(origin + elapsed),
    };
    let mut waiter = Waiter::new(job(), policy, 7, at(elapsed).mono);
    waiter.record(at(elapsed), &session);
    let (mut script, mut lines) = (script.iter(), Vec::new());
    loop {
        let now = at(elapsed);
        match waiter.step(now.mono) {
            Step::Done(_) => break,
            Step::WaitUntil(moment) => elapsed += moment.saturating_since(now.mono),
            Step::Poll { .. } => {
                let Some(reply) = script.next() else {
                    waiter.cancel();
                    break;
                };
                elapsed += Duration::from_millis(40);
                poll(&mut waiter, &mut session, *reply, now, at(elapsed));
            }
        }
        lines.append(&mut waiter.take_transcript());
    }
    lines.append(&mut waiter.take_transcript());
    lines
}

fn poll(waiter: &mut Waiter, session: &mut Session, reply: Reply, started: Now, answered: Now) {
    if let NoCredentials = reply {
        waiter.cannot_start(answered.mono, TransportErrorKind::Connection);
        return;
    }
    waiter.start(started, session, &with_token()).unwrap();
    let answer = match reply {
        Json(body) => Ok(response(200, &[], body)),
        Ahead(body) => Ok(response(200, &[("Date", "Tue, 14 Nov 2023 16:40:00 GMT")], body)),
        Page => Ok(response(502, &[("Retry-After", "3")], "<html>")),
        Fault(fault) => Err(fault),
        NoCredentials => unreachable!(),
    };
    waiter.answer(answered, session, answer);
}

/// A transcript with many kinds of events.
fn sample_transcript() -> Vec<TranscriptLine> {
    let script = [
        Ahead(EXPIRED),
        Json(RUNNING),
        Json(INTERNAL),
        Page,
        Fault(TransportErrorKind::Connection),
        NoCredentials,
        Json(BAD_TOKEN),
        Json(RUNNING),
        Json(SUCCESS),
    ];
    record(&script, &Policy::default())
}

/// Replays a transcript, and returns its length or the first line that fails.
fn replay_all(lines: &[TranscriptLine]) -> Result<usize, (usize, ReplayError)> {
    let mut replay = Replay::begin(lines[0].clone()).map_err(|error| (0, error))?;
    for (nth, line) in lines.iter().enumerate().skip(1) {
        replay.next(line.clone()).map_err(|error| (nth, error))?;
    }
    Ok(lines.len())
}

fn through_json(lines: &[TranscriptLine]) -> Vec<TranscriptLine> {
    let to_text = |line| serde_json::to_string(line).unwrap();
    lines.iter().map(|line| serde_json::from_str(&to_text(line)).unwrap()).collect()
}

#[test]
fn a_replay_makes_the_recorded_decisions() {
    let lines = sample_transcript();
    assert_eq!(lines.len(), 11);
    assert_eq!(replay_all(&through_json(&lines)), Ok(11));
}

#[test]
fn a_timeout_a_cancellation_and_a_permanent_error_are_replayed() {
    let short = with(Policy::default(), |p| p.max_wait = Duration::from_secs(3));
    for (script, policy) in [
        (&[Json(RUNNING), Json(RUNNING)][..], short),
        (&[Json(RUNNING)][..], Policy::default()),
        (&[Fault(TransportErrorKind::Permanent)][..], Policy::default()),
    ] {
        let lines = record(script, &policy);
        assert!(matches!(lines.last(), Some(TranscriptLine::Ended { .. })), "{lines:?}");
        assert_eq!(replay_all(&through_json(&lines)), Ok(lines.len()));
    }
}

#[test]
fn masking_a_message_of_the_service_does_not_change_the_replay() {
    let mut lines = record(&[Json(FAILURE)], &Policy::default());
    let polled = serde_json::to_string(&lines[1]).unwrap();
    lines[1] = serde_json::from_str(&polled.replace("disk is full", "***")).unwrap();
    assert_ne!(serde_json::to_string(&lines[1]).unwrap(), polled);
    assert_eq!(replay_all(&lines), Ok(3));
}

#[test]
fn a_recorded_poll_has_its_times_and_its_request_id() {
    let lines = sample_transcript();
    let [_, TranscriptLine::Polled(expired), TranscriptLine::Polled(running), ..] = &lines[..]
    else {
        panic!("{lines:?}")
    };
    let answered = Duration::from_millis(40);
    assert_eq!((expired.started, expired.answered), (Duration::ZERO, answered));
    assert_eq!((expired.request_id(), running.request_id()), (None, Some("r-1")));
}

#[test]
fn an_error_is_read_back_with_its_status() {
    let error = read(502, &[], "<html>").unwrap_err();
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json["status"], 502);
    assert_eq!(serde_json::from_value::<ResponseError>(json).unwrap(), error);
}

#[test]
fn a_transcript_holds_no_secret() {
    let lines = sample_transcript();
    let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    assert!(text.contains("https://h.example/a.csv?..."), "{text}");
    for secret in [common::KEY, common::TOKEN, "q-signature", "Authorization"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[test]
fn a_replay_with_another_decision_fails_at_that_line() {
    let json = |line| serde_json::to_string(line).unwrap();
    let mut lines = sample_transcript();
    let other = json(&lines[3]).replace("InternalError", "ResourceNotFound");
    lines[3] = serde_json::from_str(&other).unwrap();
    let (nth, error) = replay_all(&lines).unwrap_err();
    let ReplayError::Decided { recorded, decided } = &error else { panic!("{error}") };
    assert_eq!(nth, 3);
    assert!(matches!(recorded.kind, EventKind::Retrying { .. }));
    assert_eq!(decided.kind, EventKind::Ended);
    assert!(error.to_string().starts_with("recorded Retrying"), "{error}");
}

#[test]
fn a_missing_or_misplaced_line_fails_the_replay() {
    let lines = sample_transcript();
    let without = |nth: usize| [&lines[..nth], &lines[nth + 1..]].concat();
    assert_eq!(replay_all(&without(0)), Err((0, ReplayError::NotBegun)));
    assert!(matches!(replay_all(&without(2)), Err((2, _))));
    assert_eq!(replay_all(&without(9)), Err((9, ReplayError::NotEnded)));
    let twice = [&lines[..1], &lines[..]].concat();
    assert_eq!(replay_all(&twice), Err((1, ReplayError::NotBegun)));
}

#[test]
fn a_poll_before_it_is_due_fails_the_replay() {
    let lines = sample_transcript();
    let mut value = serde_json::to_value(&lines[3]).unwrap();
    value["started"] = 1.into();
    let mut lines = lines;
    lines[3] = serde_json::from_value(value).unwrap();
    assert!(matches!(replay_all(&lines), Err((3, ReplayError::NotDue { .. }))));
}

#[test]
fn a_recording_that_begins_during_a_poll_is_replay_all() {
    let (mut session, now) =
        (session(), Now { wall: Wall::from_unix_seconds(TIME), ..Now::default() });
    let mut waiter = Waiter::new(job(), &Policy::default(), 7, now.mono);
    waiter.start(now, &mut session, &with_token()).unwrap();
    let later = Now { mono: Mono::from_origin(Duration::from_millis(20)), ..now };
    waiter.record(later, &session);
    waiter.answer(later, &mut session, Ok(response(200, &[], SUCCESS)));
    let lines = waiter.take_transcript();
    assert_eq!(lines.len(), 3);
    assert_eq!(replay_all(&through_json(&lines)), Ok(3));
}
