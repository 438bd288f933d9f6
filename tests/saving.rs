//! A wait that is put aside at any moment and goes on elsewhere, against one never interrupted.
#![cfg(feature = "serde")]

mod common;
#[path = "common/with.rs"]
mod with;

use std::time::Duration;

use bytes::Bytes;
use common::{TIME, credentials, job, response, session};
use http::Response;
use tcss_export::{
    Endpoint, Session,
    core::{
        Mono, Now, Wall,
        wait::{Outcome, Step, Waiter},
    },
    driver::TransportErrorKind,
    wait::{Event, Policy, ResumeError, SavedWait},
};
use with::with;

const RUNNING: &str =
    r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":40,"RequestId":"r-1"}}"#;
const SUCCESS: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/?EXAMPLE","RequestId":"r-2"}}"#;
const INTERNAL: &str =
    r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"},"RequestId":"r-3"}}"#;
const THROTTLED: &str = r#"{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"m"}}}"#;
const BAD_TOKEN: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.TokenFailure","Message":"m"}}}"#;

const EXPIRED: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"}}}"#;

type Reply = Result<&'static str, TransportErrorKind>;

/// Every kind of state a wait has: running, faults of both counts, a correction under way.
const SCRIPT: &[Reply] = &[
    Ok(EXPIRED),
    Ok(RUNNING),
    Ok(INTERNAL),
    Err(TransportErrorKind::Timeout),
    Err(TransportErrorKind::Connection),
    Ok(THROTTLED),
    Ok(THROTTLED),
    Ok(RUNNING),
    Ok(BAD_TOKEN),
    Ok(RUNNING),
    Ok(SUCCESS),
];

/// Delays of whole milliseconds, the unit of the wall clock by which time away is told.
fn policy() -> Policy {
    let even = |millis| {
        let delay = Duration::from_millis(millis);
        tcss_export::wait::Backoff::new(delay, delay, delay)
    };
    with(Policy::default(), |p| {
        p.retry = even(300);
        p.throttle = even(700);
    })
}

/// One process: its monotonic clock began at another moment than the others'.
struct World {
    since_start: Duration,
    origin: Duration,
    session: Session,
    replies: std::slice::Iter<'static, Reply>,
    log: Vec<String>,
}

impl World {
    fn new(script: &'static [Reply]) -> Self {
        let session = session();
        let (since_start, origin) = (Duration::ZERO, Duration::from_secs(1_000));
        Self { since_start, origin, session, replies: script.iter(), log: Vec::new() }
    }

    fn now(&self) -> Now {
        let millis = TIME * 1_000 + self.since_start.as_millis() as i64;
        let mono = Mono::from_origin(self.since_start + self.origin);
        Now { wall: Wall::from_unix_millis(millis), mono }
    }

    fn reply(&mut self) -> Result<Response<Bytes>, TransportErrorKind> {
        let reply = *self.replies.next().expect("a reply is left");
        // The service's clock is ten minutes ahead.
        let date = [("Date", "Tue, 14 Nov 2023 16:40:00 GMT")];
        let headers = if reply == Ok(EXPIRED) { &date[..] } else { &[] };
        reply.map(|body| response(200, headers, body))
    }

    /// Saves, takes the saved form through JSON, and resumes with another monotonic clock and a
    /// new session.
    fn move_house(&mut self, waiter: &Waiter, away: Duration) -> Waiter {
        let json = serde_json::to_string(&waiter.save(self.now(), &self.session)).unwrap();
        self.since_start += away;
        self.origin = Duration::from_secs(7);
        self.session = session();
        let saved: SavedWait = serde_json::from_str(&json).unwrap();
        Waiter::resume(saved, self.now(), &mut self.session).unwrap()
    }

    /// Does one thing: sleeps, or polls and logs what was sent and decided.
    fn advance(&mut self, waiter: &mut Waiter) -> bool {
        let now = self.now();
        match waiter.step(now.mono) {
            Step::Done(_) => return false,
            Step::WaitUntil(moment) => self.since_start += moment.saturating_since(now.mono),
            Step::Poll { fresh_credentials } => {
                let request = waiter.start(now, &mut self.session, &credentials()).unwrap();
                let (reply, now) = (self.reply(), self.now());
                let event = waiter.answer(now, &mut self.session, reply);
                self.note(fresh_credentials, &request.headers()["x-tc-timestamp"], &event);
            }
        }
        true
    }

    fn note(&mut self, fresh: bool, timestamp: &http::HeaderValue, event: &Event) {
        let line = format!("{:?} fresh={fresh} {timestamp:?} {event:?}", self.since_start);
        self.log.push(line);
    }
}

fn uninterrupted(script: &'static [Reply]) -> (Vec<String>, Outcome) {
    let mut world = World::new(script);
    let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    while world.advance(&mut waiter) {}
    (world.log, waiter.finish())
}

#[test]
fn a_wait_saved_and_resumed_at_any_step_goes_on_as_if_never_interrupted() {
    let expected = uninterrupted(SCRIPT);
    assert_eq!(expected.0.len(), SCRIPT.len());
    for cut in 0.. {
        let mut world = World::new(SCRIPT);
        let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
        for step in 0.. {
            if step == cut {
                waiter = world.move_house(&waiter, Duration::ZERO);
            }
            if !world.advance(&mut waiter) {
                break;
            }
            if world.log.len() == SCRIPT.len() && step < cut {
                // Every step of the wait has been a cut.
                assert!(cut > 15, "{cut} steps");
                return;
            }
        }
        assert_eq!((world.log, waiter.finish()), expected, "cut before step {cut}");
    }
}

#[test]
fn time_away_during_a_pause_is_part_of_the_pause() {
    let expected = uninterrupted(SCRIPT);
    let mut world = World::new(SCRIPT);
    let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    world.advance(&mut waiter);
    world.advance(&mut waiter);
    waiter = world.move_house(&waiter, Duration::from_millis(1_250));
    while world.advance(&mut waiter) {}
    assert_eq!((world.log, waiter.finish()), expected);
}

#[test]
fn a_request_under_way_is_made_again() {
    let mut world = World::new(&[Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    waiter.start(world.now(), &mut world.session, &credentials()).unwrap();
    let mut waiter = world.move_house(&waiter, Duration::ZERO);
    while world.advance(&mut waiter) {}
    assert_eq!(waiter.finish().unwrap().report.polls, 2);
}

#[test]
fn a_wish_for_fresh_credentials_outlives_the_poll_that_was_to_bring_them() {
    let mut world = World::new(&[Ok(BAD_TOKEN), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    world.advance(&mut waiter);
    let now = world.now();
    waiter.start(now, &mut world.session, &credentials()).unwrap();
    let mut moved = world.move_house(&waiter, Duration::ZERO);
    waiter.abandon();
    let fresh = Step::Poll { fresh_credentials: true };
    assert_eq!(waiter.step(now.mono), fresh);
    assert_eq!(moved.step(world.now().mono), fresh);
}

#[test]
fn an_offset_that_does_not_fit_the_new_machine_is_corrected_again() {
    let mut world = World::new(&[Ok(EXPIRED), Ok(EXPIRED), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    world.advance(&mut waiter);
    waiter = world.move_house(&waiter, Duration::ZERO);
    while world.advance(&mut waiter) {}
    assert!(waiter.finish().is_ok());
}

#[test]
fn time_away_counts_against_the_deadline_and_never_for_more_than_was_left() {
    for (away, elapsed) in [(1_799, 1_800), (1_800, 1_800), (1_000_000, 1_800)] {
        let mut world = World::new(&[Ok(RUNNING), Ok(RUNNING)]);
        let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
        world.advance(&mut waiter);
        waiter = world.move_house(&waiter, Duration::from_secs(away));
        while world.advance(&mut waiter) {}
        let report = waiter.finish().unwrap_err().report;
        assert_eq!(report.elapsed, Duration::from_secs(elapsed), "{away} s away");
        assert_eq!(report.last.unwrap().progress, Some(40.0));
    }
}

#[test]
fn a_wall_clock_that_went_back_counts_as_no_time_away() {
    let mut world = World::new(&[Ok(RUNNING), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    world.advance(&mut waiter);
    let saved = waiter.save(world.now(), &world.session);
    let earlier = Now { wall: Wall::from_unix_seconds(0), ..world.now() };
    let mut waiter = Waiter::resume(saved, earlier, &mut world.session).unwrap();
    let due = world.now().mono.saturating_add(Policy::POLL_INTERVAL);
    assert_eq!(waiter.step(world.now().mono), Step::WaitUntil(due));
}

#[test]
fn a_wait_that_has_ended_is_saved_without_its_url_and_polls_once_more() {
    let mut world = World::new(&[Ok(SUCCESS), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    while world.advance(&mut waiter) {}
    let json = serde_json::to_string(&waiter.save(world.now(), &world.session)).unwrap();
    assert!(!json.contains("h.example"), "{json}");
    waiter = world.move_house(&waiter, Duration::ZERO);
    while world.advance(&mut waiter) {}
    assert_eq!(waiter.finish().unwrap().report.polls, 2);
}

fn saved_json() -> String {
    let world = World::new(&[]);
    let waiter = Waiter::new(job(), &policy(), 7, world.now().mono);
    serde_json::to_string(&waiter.save(world.now(), &world.session)).unwrap()
}

fn resumed(json: &str, session: &Session) -> ResumeError {
    let saved = serde_json::from_str(json).unwrap();
    Waiter::resume(saved, World::new(&[]).now(), &mut session.clone()).unwrap_err()
}

#[test]
fn a_session_of_another_site_refuses() {
    let error = resumed(&saved_json(), &Session::new(Endpoint::mainland()));
    let text = "expected a wait at https://tcss.tencentcloudapi.com, \
                got one at https://tcss.intl.tencentcloudapi.com";
    assert_eq!(error.to_string(), text);
    assert!(matches!(error, ResumeError::Site { .. }));
}

#[test]
fn another_form_and_another_action_are_refused() {
    let other = saved_json().replace(r#""version":1"#, r#""version":2"#);
    assert_eq!(resumed(&other, &session()), ResumeError::Version { saved: 2 });
    let other = saved_json().replace("DescribeExportJobResult", "DescribeOther");
    let saved = "DescribeOther".into();
    assert_eq!(resumed(&other, &session()), ResumeError::Action { saved });
}

#[test]
fn the_saved_form_names_site_and_job_and_no_empty_job_is_read() {
    let saved: SavedWait = serde_json::from_str(&saved_json()).unwrap();
    assert_eq!(saved.job_id(), &job());
    assert_eq!(saved.site(), "https://tcss.intl.tencentcloudapi.com");
    let empty = saved_json().replace(common::JOB, "");
    let error = serde_json::from_str::<SavedWait>(&empty).unwrap_err();
    assert!(error.to_string().contains("job id is empty"), "{error}");
}

#[test]
fn numbers_as_large_as_they_get_do_no_harm() {
    let mut value: serde_json::Value = serde_json::from_str(&saved_json()).unwrap();
    for name in ["elapsed", "due_in", "interval"] {
        value[name] = u64::MAX.into();
    }
    value["saved_at"] = i64::MIN.into();
    value["polls_without_url"] = u32::MAX.into();
    let saved = serde_json::from_value(value).unwrap();
    let mut world = World::new(&[]);
    let mut waiter = Waiter::resume(saved, world.now(), &mut world.session).unwrap();
    assert!(matches!(waiter.step(world.now().mono), Step::Done(Err(_))));
}
