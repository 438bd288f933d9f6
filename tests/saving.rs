//! A wait that is saved at any step and resumed in another process, compared with one that is never
//! interrupted.
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

/// Leads through every state of a wait: running, retries, throttling and corrections.
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

/// Delays and intervals of whole milliseconds, because the wall clock that measures the time away
/// has that unit.
fn policy() -> Policy {
    let fixed = |millis| {
        let delay = Duration::from_millis(millis);
        tcss_export::wait::Backoff::new(delay, delay, delay)
    };
    with(Policy::default(), |p| {
        p.retry = fixed(300);
        p.throttle = fixed(700);
        p.longest_poll_interval = p.poll_interval;
    })
}

/// A process with its own monotonic clock.
struct Process {
    since_start: Duration,
    origin: Duration,
    session: Session,
    replies: std::slice::Iter<'static, Reply>,
    log: Vec<String>,
}

impl Process {
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
        let reply = *self.replies.next().expect("another reply");
        // The service's clock is ten minutes ahead.
        let date = [("Date", "Tue, 14 Nov 2023 16:40:00 GMT")];
        let headers = if reply == Ok(EXPIRED) { &date[..] } else { &[] };
        reply.map(|body| response(200, headers, body))
    }

    /// Saves a wait as JSON and resumes it in a new process, with another origin of the monotonic
    /// clock and a new session.
    fn save_and_resume(&mut self, waiter: &Waiter, away: Duration) -> Waiter {
        let json = serde_json::to_string(&waiter.save(self.now(), &self.session)).unwrap();
        self.since_start += away;
        self.origin = Duration::from_secs(7);
        self.session = session();
        let saved: SavedWait = serde_json::from_str(&json).unwrap();
        Waiter::resume(saved, self.now(), &mut self.session).unwrap()
    }

    /// Sleeps, or polls and logs the request and the event. Returns `false` if the wait has ended.
    fn advance(&mut self, waiter: &mut Waiter) -> bool {
        let now = self.now();
        match waiter.step(now.mono) {
            Step::Done(_) => return false,
            Step::WaitUntil(moment) => self.since_start += moment.saturating_since(now.mono),
            Step::Poll { fresh_credentials } => {
                let request = waiter.start(now, &mut self.session, &credentials()).unwrap();
                let (reply, now) = (self.reply(), self.now());
                let event = waiter.answer(now, &mut self.session, reply);
                self.log_poll(fresh_credentials, &request.headers()["x-tc-timestamp"], &event);
            }
        }
        true
    }

    fn log_poll(&mut self, fresh: bool, timestamp: &http::HeaderValue, event: &Event) {
        let line = format!("{:?} fresh={fresh} {timestamp:?} {event:?}", self.since_start);
        self.log.push(line);
    }
}

fn uninterrupted(script: &'static [Reply]) -> (Vec<String>, Outcome) {
    let mut process = Process::new(script);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    while process.advance(&mut waiter) {}
    (process.log, waiter.finish())
}

#[test]
fn a_failed_wait_that_is_resumed_begins_with_a_retry() {
    let mut process = Process::new(&[Err(TransportErrorKind::Permanent), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    while process.advance(&mut waiter) {}
    let mut waiter = process.save_and_resume(&waiter, Duration::ZERO);
    while process.advance(&mut waiter) {}
    let report = waiter.finish().unwrap().report;
    assert_eq!((report.polls, report.retries), (2, 1));
}

/// A job of 16.1 s, polled at 0, 2, 4.74, 8.25 and 12.54 s.
const STEADY: &[Reply] = &[
    Ok(r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":0}}"#),
    Ok(r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":12.4}}"#),
    Ok(r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":29.4}}"#),
    Ok(r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":51.1}}"#),
    Ok(r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":77.7}}"#),
    Ok(SUCCESS),
];

#[test]
fn a_resumed_wait_knows_how_long_the_job_has_been_running_and_its_progress() {
    let mut process = Process::new(STEADY);
    let mut waiter = Waiter::new(job(), &Policy::default(), 7, process.now().mono);
    // Polls and pauses take turns.
    for _ in 0..2 * (STEADY.len() - 1) {
        process.advance(&mut waiter);
        waiter = process.save_and_resume(&waiter, Duration::ZERO);
    }
    process.advance(&mut waiter);
    assert_eq!(waiter.finish().unwrap().report.polls, 6);
    let [.., aimed, last] = &process.log[..] else { panic!() };
    assert!(aimed.contains("reason: Progress"), "{aimed}");
    assert!(last.starts_with("16."), "{last}");
}

/// More failures in a row than the policy allows.
const FAILURES: &[Reply] = &[Ok(INTERNAL); 9];
/// More successes without a URL than the policy allows.
const WITHOUT_URL: &[Reply] = &[Ok(r#"{"Response":{"ExportStatus":"SUCCESS"}}"#); 4];

#[test]
fn a_wait_resumed_after_any_step_continues_as_if_never_interrupted() {
    for script in [SCRIPT, FAILURES, WITHOUT_URL] {
        resume_after_each_step(script);
    }
}

fn resume_after_each_step(script: &'static [Reply]) {
    let expected = uninterrupted(script);
    assert_eq!(expected.0.len(), script.len());
    for cut in 0.. {
        let mut process = Process::new(script);
        let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
        for step in 0.. {
            if step == cut {
                waiter = process.save_and_resume(&waiter, Duration::ZERO);
            }
            if !process.advance(&mut waiter) {
                break;
            }
            if process.log.len() == script.len() && step < cut {
                // The wait has been interrupted before each of its steps.
                assert!(cut >= script.len(), "{cut} steps");
                return;
            }
        }
        assert_eq!((process.log, waiter.finish()), expected, "interrupted before step {cut}");
    }
}

#[test]
fn time_away_during_a_pause_counts_towards_the_pause() {
    let expected = uninterrupted(SCRIPT);
    let mut process = Process::new(SCRIPT);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    process.advance(&mut waiter);
    process.advance(&mut waiter);
    waiter = process.save_and_resume(&waiter, Duration::from_millis(1_250));
    while process.advance(&mut waiter) {}
    assert_eq!((process.log, waiter.finish()), expected);
}

#[test]
fn a_request_in_flight_is_sent_again_after_resuming() {
    let mut process = Process::new(&[Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    waiter.start(process.now(), &mut process.session, &credentials()).unwrap();
    let mut waiter = process.save_and_resume(&waiter, Duration::ZERO);
    while process.advance(&mut waiter) {}
    assert_eq!(waiter.finish().unwrap().report.polls, 2);
}

#[test]
fn a_resumed_wait_still_requires_fresh_credentials() {
    let mut process = Process::new(&[Ok(BAD_TOKEN), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    process.advance(&mut waiter);
    let now = process.now();
    waiter.start(now, &mut process.session, &credentials()).unwrap();
    let mut resumed = process.save_and_resume(&waiter, Duration::ZERO);
    waiter.abandon();
    let fresh = Step::Poll { fresh_credentials: true };
    assert_eq!(waiter.step(now.mono), fresh);
    assert_eq!(resumed.step(process.now().mono), fresh);
}

#[test]
fn a_wrong_clock_offset_is_corrected_again_after_resuming() {
    let mut process = Process::new(&[Ok(EXPIRED), Ok(EXPIRED), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    process.advance(&mut waiter);
    waiter = process.save_and_resume(&waiter, Duration::ZERO);
    while process.advance(&mut waiter) {}
    assert!(waiter.finish().is_ok());
}

#[test]
fn time_away_counts_towards_the_deadline_up_to_the_time_that_was_left() {
    for (away, elapsed) in [(1_799, 1_800), (1_800, 1_800), (1_000_000, 1_800)] {
        let mut process = Process::new(&[Ok(RUNNING), Ok(RUNNING)]);
        let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
        process.advance(&mut waiter);
        waiter = process.save_and_resume(&waiter, Duration::from_secs(away));
        while process.advance(&mut waiter) {}
        let report = waiter.finish().unwrap_err().report;
        assert_eq!(report.elapsed, Duration::from_secs(elapsed), "{away} s away");
        assert_eq!(report.last.unwrap().progress, Some(40.0));
    }
}

#[test]
fn no_time_counts_as_away_if_the_wall_clock_went_back() {
    let mut process = Process::new(&[Ok(RUNNING), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    process.advance(&mut waiter);
    let saved = waiter.save(process.now(), &process.session);
    let earlier = Now { wall: Wall::from_unix_seconds(0), ..process.now() };
    let mut waiter = Waiter::resume(saved, earlier, &mut process.session).unwrap();
    let due = process.now().mono.saturating_add(Policy::POLL_INTERVAL);
    assert_eq!(waiter.step(process.now().mono), Step::WaitUntil(due));
}

#[test]
fn an_ended_wait_is_saved_without_its_url_and_polls_once_more() {
    let mut process = Process::new(&[Ok(SUCCESS), Ok(SUCCESS)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    while process.advance(&mut waiter) {}
    let json = serde_json::to_string(&waiter.save(process.now(), &process.session)).unwrap();
    assert!(!json.contains("h.example"), "{json}");
    waiter = process.save_and_resume(&waiter, Duration::ZERO);
    while process.advance(&mut waiter) {}
    assert_eq!(waiter.finish().unwrap().report.polls, 2);
}

fn saved_json() -> String {
    let process = Process::new(&[]);
    let waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    serde_json::to_string(&waiter.save(process.now(), &process.session)).unwrap()
}

fn resume_error(json: &str, session: &Session) -> ResumeError {
    let saved = serde_json::from_str(json).unwrap();
    Waiter::resume(saved, Process::new(&[]).now(), &mut session.clone()).unwrap_err()
}

#[test]
fn a_saved_wait_tells_when_its_poll_is_due_and_when_it_ends() {
    let mut process = Process::new(&[Ok(RUNNING)]);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    process.advance(&mut waiter);
    // Part of a millisecond counts as one: at the rounded time the poll is due.
    process.since_start += Duration::from_micros(300);
    let saved = waiter.save(process.now(), &process.session);
    assert_eq!(saved.due_in(), Duration::from_micros(1_999_700));
    assert_eq!(saved.due_at(), Wall::from_unix_millis(TIME * 1_000 + 2_000));
    assert_eq!(saved.deadline_at(), Wall::from_unix_millis(TIME * 1_000 + 1_800_000));
    process.since_start = Duration::from_secs(2);
    let waiter = Waiter::resume(saved, process.now(), &mut process.session);
    let is_due = matches!(waiter.unwrap().step(process.now().mono), Step::Poll { .. });
    assert!(is_due);
}

#[test]
fn a_saved_wait_has_its_policy_only_if_it_is_not_the_default() {
    let json: serde_json::Value = serde_json::from_str(&saved_json()).unwrap();
    assert!(json["policy"].is_object());
    let process = Process::new(&[]);
    let waiter = Waiter::new(job(), &Policy::default(), 7, process.now().mono);
    let saved = waiter.save(process.now(), &process.session);
    let mut json = serde_json::to_value(saved.clone()).unwrap();
    assert!(json["policy"].is_null(), "{json}");
    // A wait that an earlier version saved repeats the default.
    json["policy"] = serde_json::to_value(Policy::default()).unwrap();
    let earlier: SavedWait = serde_json::from_value(json).unwrap();
    assert_eq!(earlier.deadline_at(), saved.deadline_at());
}

#[test]
fn a_session_of_another_site_cannot_resume_a_wait() {
    let error = resume_error(&saved_json(), &Session::new(Endpoint::mainland()));
    let text = "expected a wait at https://tcss.tencentcloudapi.com, \
                got one at https://tcss.intl.tencentcloudapi.com";
    assert_eq!(error.to_string(), text);
    assert!(matches!(error, ResumeError::Site { .. }));
}

#[test]
fn a_saved_wait_of_another_version_or_action_is_refused() {
    let other = saved_json().replace(r#""version":1"#, r#""version":2"#);
    assert_eq!(resume_error(&other, &session()), ResumeError::Version { saved: 2 });
    let other = saved_json().replace("DescribeExportJobResult", "DescribeOther");
    let saved = "DescribeOther".into();
    assert_eq!(resume_error(&other, &session()), ResumeError::Action { saved });
}

#[test]
fn a_saved_wait_has_site_and_job_id_and_refuses_an_empty_job_id() {
    let saved: SavedWait = serde_json::from_str(&saved_json()).unwrap();
    assert_eq!(saved.job_id(), &job());
    assert_eq!(saved.site(), "https://tcss.intl.tencentcloudapi.com");
    let empty = saved_json().replace(common::JOB, "");
    let error = serde_json::from_str::<SavedWait>(&empty).unwrap_err();
    assert!(error.to_string().contains("job id is empty"), "{error}");
}

#[test]
fn the_largest_numbers_in_a_saved_wait_do_not_overflow() {
    let mut value: serde_json::Value = serde_json::from_str(&saved_json()).unwrap();
    for name in ["elapsed", "due_in"] {
        value[name] = u64::MAX.into();
    }
    for name in ["running_since", "next_plain"] {
        value["schedule"][name] = u64::MAX.into();
    }
    value["saved_at"] = i64::MIN.into();
    value["polls_without_url"] = u32::MAX.into();
    let saved = serde_json::from_value(value).unwrap();
    let mut process = Process::new(&[]);
    let mut waiter = Waiter::resume(saved, process.now(), &mut process.session).unwrap();
    assert!(matches!(waiter.step(process.now().mono), Step::Done(Err(_))));
}

/// The file has the saves of the commit that brought the schedule by progress, one before each step.
#[test]
fn the_form_of_saved_waits_has_not_changed() {
    let saved = include_str!("vectors/saved-waits.jsonl");
    let mut process = Process::new(SCRIPT);
    let mut waiter = Waiter::new(job(), &policy(), 7, process.now().mono);
    for line in saved.lines() {
        let now = serde_json::to_string(&waiter.save(process.now(), &process.session)).unwrap();
        assert_eq!(now, line);
        process.advance(&mut waiter);
    }
    assert_eq!(process.log.len(), SCRIPT.len());
}
