//! A recorded wait is decided again, line by line, without network and clock.
#![cfg(feature = "serde")]

mod common;
#[path = "common/with.rs"]
mod with;

use std::time::Duration;

use common::{TIME, job, response, session, with_token};
use tcss_export::{
    Session,
    core::{
        Mono, Now, Wall,
        wait::{Replay, ReplayError, Step, Waiter},
    },
    driver::TransportErrorKind,
    wait::{EventKind, Policy, TranscriptLine},
};

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
    /// With the `Date` of a clock that is ten minutes ahead.
    Ahead(&'static str),
    Page,
    Fault(TransportErrorKind),
    NoCredentials,
}

use Reply::{Ahead, Fault, Json, NoCredentials, Page};
use with::with;

/// Runs a wait whose exchanges take 40 ms each and writes it down.
fn recorded(script: &[Reply], policy: &Policy) -> Vec<TranscriptLine> {
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
                act(&mut waiter, &mut session, *reply, now, at(elapsed));
            }
        }
        lines.append(&mut waiter.take_transcript());
    }
    lines.append(&mut waiter.take_transcript());
    lines
}

fn act(waiter: &mut Waiter, session: &mut Session, reply: Reply, started: Now, answered: Now) {
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

fn eventful() -> Vec<TranscriptLine> {
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
    recorded(&script, &Policy::default())
}

fn replayed(lines: &[TranscriptLine]) -> Result<usize, (usize, ReplayError)> {
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
fn a_replay_decides_as_it_was_recorded() {
    let lines = eventful();
    assert_eq!(lines.len(), 11);
    assert_eq!(replayed(&through_json(&lines)), Ok(11));
}

#[test]
fn other_ends_are_replayed_too() {
    let short = with(Policy::default(), |p| p.max_wait = Duration::from_secs(3));
    for (script, policy) in [
        (&[Json(RUNNING), Json(RUNNING)][..], short),
        (&[Json(RUNNING)][..], Policy::default()),
        (&[Fault(TransportErrorKind::Permanent)][..], Policy::default()),
    ] {
        let lines = recorded(script, &policy);
        assert!(matches!(lines.last(), Some(TranscriptLine::Ended { .. })), "{lines:?}");
        assert_eq!(replayed(&through_json(&lines)), Ok(lines.len()));
    }
}

#[test]
fn what_the_service_said_can_be_masked_without_another_end() {
    let mut lines = recorded(&[Json(FAILURE)], &Policy::default());
    let polled = serde_json::to_string(&lines[1]).unwrap();
    lines[1] = serde_json::from_str(&polled.replace("disk is full", "***")).unwrap();
    assert_ne!(serde_json::to_string(&lines[1]).unwrap(), polled);
    assert_eq!(replayed(&lines), Ok(3));
}

#[test]
fn a_recorded_poll_tells_its_times_and_its_request_id() {
    let lines = eventful();
    let [_, TranscriptLine::Polled(expired), TranscriptLine::Polled(running), ..] = &lines[..]
    else {
        panic!("{lines:?}")
    };
    let answered = Duration::from_millis(40);
    assert_eq!((expired.started, expired.answered), (Duration::ZERO, answered));
    assert_eq!((expired.request_id(), running.request_id()), (None, Some("r-1")));
}

#[test]
fn a_transcript_holds_no_secret() {
    let lines = eventful();
    let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    assert!(text.contains("https://h.example/a.csv?..."), "{text}");
    for secret in [common::KEY, common::TOKEN, "q-signature", "Authorization"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[test]
fn a_replay_that_decides_otherwise_says_where() {
    let json = |line| serde_json::to_string(line).unwrap();
    let mut lines = eventful();
    let other = json(&lines[3]).replace("InternalError", "ResourceNotFound");
    lines[3] = serde_json::from_str(&other).unwrap();
    let (nth, error) = replayed(&lines).unwrap_err();
    let ReplayError::Decided { recorded, decided } = &error else { panic!("{error}") };
    assert_eq!(nth, 3);
    assert!(matches!(recorded.kind, EventKind::Retrying { .. }));
    assert_eq!(decided.kind, EventKind::Ended);
    assert!(error.to_string().starts_with("recorded was Retrying"), "{error}");
}

#[test]
fn lines_that_are_left_out_or_out_of_place_are_told() {
    let lines = eventful();
    let without = |nth: usize| [&lines[..nth], &lines[nth + 1..]].concat();
    assert_eq!(replayed(&without(0)), Err((0, ReplayError::NotBegun)));
    assert!(matches!(replayed(&without(2)), Err((2, _))));
    assert_eq!(replayed(&without(9)), Err((9, ReplayError::NotEnded)));
    let twice = [&lines[..1], &lines[..]].concat();
    assert_eq!(replayed(&twice), Err((1, ReplayError::NotBegun)));
}

#[test]
fn a_poll_before_it_is_due_is_told() {
    let lines = eventful();
    let mut value = serde_json::to_value(&lines[3]).unwrap();
    value["started"] = 1.into();
    let mut lines = lines;
    lines[3] = serde_json::from_value(value).unwrap();
    assert!(matches!(replayed(&lines), Err((3, ReplayError::NotDue { .. }))));
}

#[test]
fn a_recording_that_begins_during_a_poll_is_replayed() {
    let (mut session, now) =
        (session(), Now { wall: Wall::from_unix_seconds(TIME), ..Now::default() });
    let mut waiter = Waiter::new(job(), &Policy::default(), 7, now.mono);
    waiter.start(now, &mut session, &with_token()).unwrap();
    let later = Now { mono: Mono::from_origin(Duration::from_millis(20)), ..now };
    waiter.record(later, &session);
    waiter.answer(later, &mut session, Ok(response(200, &[], SUCCESS)));
    let lines = waiter.take_transcript();
    assert_eq!(lines.len(), 3);
    assert_eq!(replayed(&through_json(&lines)), Ok(3));
}
