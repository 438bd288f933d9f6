//! The wait for a job in virtual time.

mod common;

use std::{error::Error, time::Duration};

use bytes::Bytes;
use common::{HOST, ID, KEY, TIME, credentials, header, job, response, scope, session, signature};
use http::{Request, Response};
use proptest::prelude::*;
use tcss_export::{
    Backoff, ClockOffset, Credentials, Endpoint, Event, EventKind, ExportStatus, Fault, Field,
    Mono, Now, Outcome, Policy, Reason, Remedy, ResponseErrorKind, SendFault, Session, StartError,
    Step, WaitError, WaitErrorKind, Waiter, Wall,
};

const ZERO: Duration = Duration::ZERO;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn mono(since_origin: Duration) -> Mono {
    Mono::from_origin(since_origin)
}

/// What comes of one request, how long it takes, and how the wall clock jumps then.
#[derive(Clone, Debug)]
struct Exchange {
    answer: Result<Response<Bytes>, SendFault>,
    took: Duration,
    jump: i64,
}

impl Exchange {
    fn taking(self, took: Duration) -> Self {
        Self { took, ..self }
    }

    fn then_wall_jumps(self, seconds: i64) -> Self {
        Self { jump: seconds, ..self }
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let headers = self.answer.as_mut().expect("an answer").headers_mut();
        headers.append(name, value.parse().expect("a header"));
        self
    }

    fn dated(self, date: &str) -> Self {
        self.with_header("date", date)
    }
}

fn said(status: u16, body: &str) -> Exchange {
    Exchange { answer: Ok(response(status, &[], body)), took: ZERO, jump: 0 }
}

/// An answer whose `Response` object has these members.
fn members(members: &str) -> Exchange {
    said(200, &format!(r#"{{"Response":{{{members}}}}}"#))
}

fn running() -> Exchange {
    members(r#""ExportStatus":"RUNNING","ExportProgress":42,"RequestId":"r-running""#)
}

const URL: &str = "https://h.example/a.csv?sign=EXAMPLE";

fn success() -> Exchange {
    members(&format!(r#""ExportStatus":"SUCCESS","DownloadURL":"{URL}","RequestId":"r-success""#))
}

fn api(code: &str) -> Exchange {
    members(&format!(r#""Error":{{"Code":"{code}","Message":"m"}},"RequestId":"r-{code}""#))
}

fn fault(fault: SendFault) -> Exchange {
    Exchange { answer: Err(fault), took: ZERO, jump: 0 }
}

/// A waiter with all that stands around it.
struct Rig {
    waiter: Waiter,
    session: Session,
    credentials: Credentials,
    now: Duration,
    /// Local wall time in milliseconds when the monotonic clock is at its origin.
    wall: i64,
}

/// A request that was started.
#[derive(Debug)]
struct Poll {
    at: Duration,
    fresh_credentials: bool,
    request: Request<Bytes>,
}

/// What a script gave.
struct Run {
    polls: Vec<Poll>,
    events: Vec<Event>,
    outcome: Outcome,
    session: Session,
}

impl Rig {
    fn new(policy: &Policy, seed: u64) -> Self {
        let waiter = Waiter::new(job(), policy, seed, mono(ZERO));
        let (session, credentials) = (session(), credentials());
        Self { waiter, session, credentials, now: ZERO, wall: TIME * 1_000 }
    }

    fn now(&self) -> Now {
        let millis = self.wall + i64::try_from(self.now.as_millis()).expect("a short wait");
        Now { wall: Wall::from_unix_millis(millis), mono: mono(self.now) }
    }

    fn start(&mut self) -> Result<Request<Bytes>, StartError> {
        self.waiter.start(self.now(), &mut self.session, &self.credentials)
    }

    fn answer(&mut self, exchange: Exchange) -> Event {
        self.now += exchange.took;
        let event = self.waiter.answer(self.now(), &mut self.session, exchange.answer);
        self.wall += exchange.jump * 1_000;
        event
    }

    fn step(&mut self) -> Step<'_> {
        self.waiter.step(mono(self.now))
    }

    /// Goes on until a poll is due or the wait has ended; tells which.
    fn sleep(&mut self) -> Option<bool> {
        loop {
            let now = self.now;
            match self.step() {
                Step::WaitUntil(moment) => {
                    assert!(moment.since_origin() > now, "woken too early at {now:?}");
                    self.now = moment.since_origin();
                }
                Step::Poll { fresh_credentials } => return Some(fresh_credentials),
                Step::Done(_) => return None,
            }
        }
    }

    /// Plays one exchange a poll, until the wait ends. A poll more than the script has is a fault
    /// of the waiter.
    fn run(mut self, script: impl IntoIterator<Item = Exchange>) -> Run {
        let mut script = script.into_iter();
        let (mut polls, mut events) = (Vec::new(), Vec::new());
        while let Some(fresh_credentials) = self.sleep() {
            let request = self.start().expect("a poll is due");
            polls.push(Poll { at: self.now, fresh_credentials, request });
            let exchange = script.next().expect("no poll after the end of the script");
            events.push(self.answer(exchange));
        }
        let left = script.size_hint().1;
        assert!(left.is_none_or(|left| left == 0), "the wait has ended before its script");
        Run { polls, events, outcome: self.waiter.finish(), session: self.session }
    }
}

impl Run {
    fn error(&self) -> &WaitError {
        self.outcome.as_ref().expect_err("no file")
    }

    fn kind(&self) -> &WaitErrorKind {
        &self.error().kind
    }

    #[track_caller]
    fn assert_url(&self, polls: usize) {
        let finished = self.outcome.as_ref().expect("a file");
        assert_eq!(finished.download_url.as_str(), URL);
        assert_eq!(self.polls.len(), polls);
        assert_eq!(usize::try_from(finished.report.polls), Ok(polls));
    }

    fn starts(&self) -> Vec<Duration> {
        self.polls.iter().map(|poll| poll.at).collect()
    }

    fn delays(&self) -> Vec<Duration> {
        let delay = |event: &Event| match event.kind {
            EventKind::Waiting { delay, .. } | EventKind::Retrying { delay, .. } => Some(delay),
            _ => None,
        };
        self.events.iter().filter_map(delay).collect()
    }

    fn remedies(&self) -> Vec<Remedy> {
        let remedy = |event: &Event| match event.kind {
            EventKind::Retrying { remedy, .. } => Some(remedy),
            _ => None,
        };
        self.events.iter().filter_map(remedy).collect()
    }

    fn timestamps(&self) -> Vec<&str> {
        self.polls.iter().map(|poll| header(&poll.request, "x-tc-timestamp")).collect()
    }
}

fn run(script: impl IntoIterator<Item = Exchange>) -> Run {
    Rig::new(&Policy::default(), 7).run(script)
}

fn run_under(max_wait: Duration, script: impl IntoIterator<Item = Exchange>) -> Run {
    Rig::new(&Policy::default().with_max_wait(max_wait), 7).run(script)
}

/// The text of an error and of all its sources.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.join(": ")
}

mod policy {
    use super::*;

    // The documented defaults.
    #[test]
    fn defaults_are_the_documented_numbers() {
        let policy = Policy::default();
        assert_eq!(policy.poll_interval(), secs(2));
        assert_eq!(Policy::LONGEST_POLL_INTERVAL, secs(15));
        assert_eq!(policy.max_wait(), secs(1_800));
        assert_eq!(policy.exchange_limit(), secs(30));
        assert_eq!(policy.max_failures(), 8);
        assert_eq!(policy.polls_without_url(), 3);
        assert_eq!(tcss_export::ANSWER_LIMIT, 1_048_576);
        assert_eq!(ClockOffset::TOLERATED, secs(30));
    }

    #[test]
    fn delays_after_failures_lie_between_100_ms_and_200_ms_doubled_up_to_5_s() {
        for (n, longest) in
            [(0, 200), (1, 400), (2, 800), (3, 1_600), (4, 3_200), (5, 5_000), (60, 5_000)]
        {
            assert_eq!(Policy::default().retry().bounds(n), (ms(100), ms(longest)), "failure {n}");
        }
    }

    #[test]
    fn delays_after_throttling_lie_between_500_ms_and_1_s_doubled_up_to_15_s() {
        for (n, longest) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 15), (60, 15)] {
            let bounds = Policy::default().throttle().bounds(n);
            assert_eq!(bounds, (ms(500), secs(longest)), "throttle {n}");
        }
    }

    #[test]
    fn every_setting_is_kept() {
        let backoff = Backoff::new(ms(1), ms(2), ms(3));
        let policy = Policy::default()
            .with_poll_interval(secs(4), secs(5))
            .with_max_wait(secs(6))
            .with_exchange_limit(secs(7))
            .with_max_failures(8)
            .with_polls_without_url(9)
            .with_retry(backoff)
            .with_throttle(backoff);
        assert_eq!(policy.poll_interval(), secs(4));
        assert_eq!(policy.max_wait(), secs(6));
        assert_eq!(policy.exchange_limit(), secs(7));
        assert_eq!((policy.max_failures(), policy.polls_without_url()), (8, 9));
        assert_eq!((policy.retry(), policy.throttle()), (backoff, backoff));
    }

    #[test]
    fn interval_grows_by_half_to_15_s() {
        let run = run(std::iter::repeat_n(running(), 8).chain([success()]));
        let millis: Vec<_> = run.delays().iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [2_000, 3_000, 4_500, 6_750, 10_125, 15_000, 15_000, 15_000]);
    }

    #[test]
    fn interval_is_steady_when_both_are_the_same() {
        let policy = Policy::default().with_poll_interval(secs(5), secs(5));
        let run = Rig::new(&policy, 7).run([running(), running(), running(), success()]);
        assert_eq!(run.starts(), [ZERO, secs(5), secs(10), secs(15)]);
    }

    #[test]
    fn longest_interval_below_the_first_counts_as_the_first() {
        let policy = Policy::default().with_poll_interval(secs(5), secs(1));
        let run = Rig::new(&policy, 7).run([running(), running(), success()]);
        assert_eq!(run.starts(), [ZERO, secs(5), secs(10)]);
    }
}

mod deadline {
    use super::*;

    // Field case W1. Polls at 0, 2, 5, 9.5, 16.25 and 26.375 s, then 38 more up to 596.375 s.
    #[test]
    fn w1_job_that_runs_for_ever_ends_in_a_timeout() {
        let run = run_under(secs(600), std::iter::repeat(running()));
        let error = run.error();
        assert_eq!(error.kind, WaitErrorKind::TimedOut);
        assert_eq!(error.last_status(), Some(&ExportStatus::Running));
        assert_eq!(error.report.last.as_ref().and_then(|last| last.progress), Some(42.0));
        assert_eq!((error.report.polls, run.polls.len()), (44, 44));
        assert_eq!(error.report.elapsed, secs(600));
        assert_eq!(error.request_id(), Some("r-running"));
        assert_eq!(
            error.to_string(),
            "the job was not done before the deadline \
             (polls: 44, 600.0 s, last status \"RUNNING\" at 42 %)"
        );
    }

    #[test]
    fn w1_default_deadline_is_30_minutes() {
        let run = run(std::iter::repeat(running()));
        assert_eq!(run.error().report.elapsed, secs(1_800));
    }

    #[test]
    fn nothing_starts_at_the_deadline() {
        let mut rig = Rig::new(&Policy::default().with_max_wait(secs(60)), 7);
        rig.now = secs(60);
        assert_eq!(rig.start().err(), Some(StartError::NotDue));
        assert!(
            matches!(rig.step(), Step::Done(Err(error)) if error.kind == WaitErrorKind::TimedOut)
        );
    }

    #[test]
    fn poll_just_before_the_deadline_starts() {
        let mut rig = Rig::new(&Policy::default().with_max_wait(secs(60)), 7);
        rig.now = secs(60) - ms(1);
        assert!(rig.start().is_ok());
    }

    #[test]
    fn deadline_counts_from_the_creation() {
        let mut rig = Rig::new(&Policy::default().with_max_wait(secs(60)), 7);
        assert_eq!(rig.waiter.deadline(), mono(secs(60)));
        rig.now = secs(50);
        rig.start().unwrap();
        rig.answer(running());
        assert_eq!(rig.waiter.deadline(), mono(secs(60)));
    }

    #[test]
    fn answer_to_a_poll_begun_in_time_counts_after_the_deadline() {
        let mut rig = Rig::new(&Policy::default().with_max_wait(secs(60)), 7);
        rig.now = secs(60) - ms(1);
        let run = rig.run([success().taking(secs(29))]);
        run.assert_url(1);
    }

    #[test]
    fn running_job_whose_answer_comes_after_the_deadline_has_timed_out() {
        let mut rig = Rig::new(&Policy::default().with_max_wait(secs(60)), 7);
        rig.now = secs(59);
        let run = rig.run([running().taking(secs(20))]);
        assert_eq!(*run.kind(), WaitErrorKind::TimedOut);
        assert_eq!(run.error().report.elapsed, secs(79));
    }

    #[test]
    fn wait_ends_one_exchange_limit_after_the_deadline_at_most() {
        let mut rig = Rig::new(&Policy::default().with_max_wait(secs(60)), 7);
        rig.now = secs(60) - ms(1);
        rig.start().unwrap();
        assert_eq!(rig.sleep(), None);
        assert_eq!(rig.now, secs(90) - ms(1));
        let error = rig.waiter.finish().unwrap_err();
        assert_eq!(error.kind, WaitErrorKind::TimedOut);
        assert_eq!(error.report.last_fault, Some(Fault::Send(SendFault::Timeout)));
    }

    #[test]
    fn timeout_after_failures_names_the_last_one_as_its_source() {
        let policy = Policy::default().with_max_wait(secs(60)).with_max_failures(u32::MAX);
        let run = Rig::new(&policy, 7).run(std::iter::repeat(api("InternalError")));
        assert_eq!(*run.kind(), WaitErrorKind::TimedOut);
        assert!(chain(run.error()).contains("the service answered InternalError: m"));
    }

    #[test]
    fn pause_is_cut_at_the_deadline() {
        let mut rig = Rig::new(&Policy::default().with_max_wait(secs(1)), 7);
        rig.start().unwrap();
        rig.answer(running());
        assert_eq!(rig.step(), Step::WaitUntil(mono(secs(1))));
    }

    #[test]
    fn wait_of_no_time_polls_not_once() {
        let run = run_under(ZERO, []);
        assert_eq!(*run.kind(), WaitErrorKind::TimedOut);
        assert_eq!(run.error().report.polls, 0);
    }

    #[test]
    fn longest_wait_does_not_overflow() {
        run_under(Duration::MAX, [running(), success()]).assert_url(2);
    }
}

mod statuses {
    use super::*;

    #[test]
    fn success_with_a_url_ends_the_wait_with_it() {
        let run = run([success()]);
        run.assert_url(1);
        assert_eq!(run.events.last().map(|event| &event.kind), Some(&EventKind::Ended));
        let report = &run.outcome.as_ref().unwrap().report;
        assert_eq!(report.request_id.as_deref(), Some("r-success"));
        assert_eq!((report.retries, report.elapsed, &report.last_fault), (0, ZERO, &None));
    }

    #[test]
    fn failure_ends_the_wait_with_its_message() {
        let run =
            run([running(), members(r#""ExportStatus":"FAILURE","FailureMsg":"no\u001b disk""#)]);
        let message = Some("no\u{1b} disk".to_owned());
        assert_eq!(*run.kind(), WaitErrorKind::JobFailed { message });
        assert!(run.error().to_string().starts_with("the job has failed (no\u{fffd} disk)"));
    }

    #[test]
    fn failure_without_a_message_ends_the_wait() {
        let run = run([members(r#""ExportStatus":"FAILURE","FailureMsg":"","DownloadURL":"u""#)]);
        assert_eq!(*run.kind(), WaitErrorKind::JobFailed { message: None });
    }

    // The example of the service's page has a message beside SUCCESS.
    #[test]
    fn message_beside_a_success_is_no_failure() {
        let both =
            members(&format!(r#""ExportStatus":"SUCCESS","FailureMsg":"m","DownloadURL":"{URL}""#));
        run([both]).assert_url(1);
    }

    // Field case W2.
    #[test]
    fn w2_unknown_status_is_neither_success_nor_failure() {
        let script =
            [members(r#""ExportStatus":"PENDING""#), members(r#""ExportStatus":null"#), success()];
        run(script).assert_url(3);
    }

    #[test]
    fn w2_timeout_names_the_last_raw_status() {
        let run = run_under(secs(1), [members(r#""ExportStatus":"PENDING""#)]);
        assert_eq!(run.error().last_status().map(ExportStatus::as_str), Some("PENDING"));
        assert!(run.error().to_string().contains("last status \"PENDING\""));
    }

    fn without_url() -> Exchange {
        members(r#""ExportStatus":"SUCCESS","DownloadURL":null"#)
    }

    // Field case W3.
    #[test]
    fn w3_success_without_a_url_is_polled_again() {
        let empty = members(r#""ExportStatus":"SUCCESS","DownloadURL":"""#);
        run([without_url(), empty, success()]).assert_url(3);
    }

    #[test]
    fn w3_url_that_never_comes_ends_the_wait_after_three_more_polls() {
        let run = run(std::iter::repeat_n(without_url(), 4));
        assert_eq!(*run.kind(), WaitErrorKind::WithoutUrl);
        assert_eq!(run.polls.len(), 4);
        assert_eq!(run.error().last_status(), Some(&ExportStatus::Success));
        assert!(run.error().to_string().starts_with("the job has finished without a URL"));
    }

    #[test]
    fn w3_further_polls_are_counted_over_the_whole_wait() {
        let policy = Policy::default().with_polls_without_url(1);
        let run = Rig::new(&policy, 7).run([without_url(), running(), without_url()]);
        assert_eq!(*run.kind(), WaitErrorKind::WithoutUrl);
    }

    #[test]
    fn w3_none_further_when_none_is_wanted() {
        let policy = Policy::default().with_polls_without_url(0);
        let run = Rig::new(&policy, 7).run([without_url()]);
        assert_eq!(*run.kind(), WaitErrorKind::WithoutUrl);
    }
}

mod failures {
    use super::*;

    // Field case W5.
    #[test]
    fn w5_hiccup_is_survived() {
        let run = run([running(), api("InternalError"), running(), success()]);
        run.assert_url(4);
        assert_eq!(run.remedies(), [Remedy::Retry]);
        assert_eq!(run.outcome.unwrap().report.retries, 1);
    }

    #[test]
    fn w5_eight_failures_in_a_row_are_survived() {
        run(std::iter::repeat_n(api("InternalError"), 8).chain([success()])).assert_url(9);
    }

    #[test]
    fn w5_ninth_failure_in_a_row_ends_the_wait_with_its_code_and_request_id() {
        let run = run(std::iter::repeat_n(api("InternalError"), 9));
        let error = run.error();
        assert!(matches!(error.kind, WaitErrorKind::Fault(Fault::Answer(_))));
        assert_eq!(error.code().map(tcss_export::ErrorCode::as_str), Some("InternalError"));
        assert_eq!(error.request_id(), Some("r-InternalError"));
        assert_eq!((error.report.polls, error.report.retries), (9, 8));
        let expected = "the service answered InternalError: m \
                        (HTTP status 200, request id r-InternalError)";
        assert!(chain(error).ends_with(expected), "{}", chain(error));
    }

    #[test]
    fn w5_good_answer_resets_the_count() {
        let eight = || std::iter::repeat_n(api("InternalError"), 8);
        run(eight().chain([running()]).chain(eight()).chain([success()])).assert_url(18);
    }

    #[test]
    fn w5_failures_of_every_kind_count_together() {
        let script = [
            api("InternalError"),
            said(502, "<html>"),
            said(200, "<!DOCTYPE html>"),
            said(200, ""),
            said(200, r#"{"Response":{"ExportStatus":"SUCC"#),
            said(200, "{!}"),
            fault(SendFault::Connection),
            fault(SendFault::Timeout),
            fault(SendFault::Truncated),
        ];
        let run = run(script);
        assert_eq!(*run.kind(), WaitErrorKind::Fault(Fault::Send(SendFault::Truncated)));
        assert_eq!(run.remedies(), [Remedy::Retry; 8]);
    }

    #[test]
    fn no_failure_is_survived_when_none_may_be() {
        let policy = Policy::default().with_max_failures(0);
        let run = Rig::new(&policy, 7).run([fault(SendFault::Connection)]);
        assert_eq!(*run.kind(), WaitErrorKind::Fault(Fault::Send(SendFault::Connection)));
    }

    /// Makes one test a fault that ends a wait at its first poll.
    macro_rules! ends {
        ($($name:ident: $exchange:expr;)*) => {$(
            #[test]
            fn $name() {
                let run = run([$exchange]);
                assert!(matches!(run.kind(), WaitErrorKind::Fault(_)), "{:?}", run.kind());
            }
        )*};
    }

    ends! {
        answer_that_is_too_large_ends_the_wait: fault(SendFault::TooLarge);
        fault_that_will_not_pass_ends_the_wait: fault(SendFault::Permanent);
        t4_redirect_ends_the_wait: said(302, "").with_header("location", "https://other.example/");
        encoded_answer_ends_the_wait: success().with_header("content-encoding", "gzip");
        json_that_is_no_answer_ends_the_wait: said(200, "{}");
        good_answer_with_a_status_of_failure_ends_the_wait:
            said(400, r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"u"}}"#);
        old_flat_error_ends_the_wait: said(200, r#"{"code":4100,"codeDesc":"AuthFailure"}"#);
    }

    // Field case T4.
    #[test]
    fn t4_redirect_names_status_and_host() {
        let run = run([said(302, "").with_header("location", "https://other.example/")]);
        let WaitErrorKind::Fault(Fault::Answer(error)) = run.kind() else { panic!() };
        assert_eq!(error.status().as_u16(), 302);
        let host = Some("other.example".to_owned());
        assert_eq!(*error.kind(), ResponseErrorKind::Redirect { host });
    }
}

/// Field case T1: the service closes idle connections after 60 s.
mod broken_connections {
    use super::*;

    fn broken() -> Exchange {
        fault(SendFault::Connection)
    }

    #[test]
    fn t1_first_broken_connection_is_repeated_at_once() {
        let run = run([running(), broken(), success()]);
        run.assert_url(3);
        assert_eq!(run.starts(), [ZERO, secs(2), secs(2)]);
    }

    #[test]
    fn t1_next_ones_in_a_row_back_off() {
        let run = run([broken(), broken(), broken(), success()]);
        let delays = run.delays();
        assert_eq!(delays[0], ZERO);
        for (n, delay) in (1..).zip(&delays[1..]) {
            let (shortest, longest) = Backoff::RETRY.bounds(n);
            assert!(shortest <= *delay && *delay <= longest, "failure {n}: {delay:?}");
        }
    }

    #[test]
    fn t1_first_one_after_a_good_answer_is_repeated_at_once_again() {
        let run = run([broken(), running(), broken(), success()]);
        assert_eq!(run.delays(), [ZERO, secs(2), ZERO]);
    }

    #[test]
    fn t1_other_faults_are_not_repeated_at_once() {
        for other in [SendFault::Timeout, SendFault::Truncated] {
            let run = run([fault(other), success()]);
            assert!(run.delays()[0] >= ms(100), "{other:?}");
        }
    }

    // Field case S7. The signature is the row of time 1699979800.
    #[test]
    fn s7_every_attempt_is_signed_anew() {
        let run = run([broken().then_wall_jumps(400), success()]);
        assert_eq!(run.timestamps(), ["1699979400", "1699979800"]);
        assert_eq!(signature(&run.polls[0].request), common::SIGNATURE);
        assert_eq!(
            signature(&run.polls[1].request),
            "a73ed268582a861b6611468afd4628eaa29afe05f0d410bc469ca5338494f31c"
        );
    }

    #[test]
    fn s7_final_error_names_the_network_failure() {
        let run = run(std::iter::repeat_n(broken().then_wall_jumps(400), 9));
        let text = chain(run.error());
        assert!(text.starts_with("polling failed (polls: 9"), "{text}");
        assert!(text.ends_with("the connection failed"), "{text}");
    }

    #[test]
    fn body_stays_the_same_over_all_attempts() {
        let run = run([broken(), api("InternalError"), running(), success()]);
        assert!(run.polls.iter().all(|poll| poll.request.body() == common::BODY));
    }
}

mod throttling {
    use super::*;

    /// Makes one test a code that is throttling: backed off and polled on until the deadline.
    macro_rules! throttles {
        ($($name:ident: $code:literal;)*) => {$(
            #[test]
            fn $name() {
                let run = run_under(secs(300), std::iter::repeat(api($code)));
                assert_eq!(*run.kind(), WaitErrorKind::TimedOut);
                assert!(run.polls.len() > 9, "{}", run.polls.len());
                assert!(run.remedies().iter().all(|remedy| *remedy == Remedy::BackOff));
            }
        )*};
    }

    // Field cases W4 and W10.
    throttles! {
        w4_request_limit_exceeded: "RequestLimitExceeded";
        w4_of_the_account_over_all_regions: "RequestLimitExceeded.GlobalRegionUinLimitExceeded";
        w4_of_the_address: "RequestLimitExceeded.IPLimitExceeded";
        w4_of_the_account: "RequestLimitExceeded.UinLimitExceeded";
        w4_of_a_detail_nobody_knows: "RequestLimitExceeded.SomethingNew";
        w10_rate_among_the_quotas: "LimitExceeded.RateLimitExceeded";
    }

    #[test]
    fn w4_status_429_without_an_api_error_is_throttling() {
        let run = run_under(secs(60), std::iter::repeat(said(429, "slow down")));
        assert_eq!(*run.kind(), WaitErrorKind::TimedOut);
    }

    #[test]
    fn w4_throttling_does_not_count_as_a_failure() {
        let script = std::iter::repeat_n(api("RequestLimitExceeded"), 20).chain([success()]);
        run(script).assert_url(21);
    }

    // Field case W8: 500 ms to min(15 s, 1 s x 2^n).
    fn five_throttles(seed: u64) -> Vec<Duration> {
        let script = std::iter::repeat_n(api("RequestLimitExceeded"), 5).chain([success()]);
        Rig::new(&Policy::default(), seed).run(script).delays()
    }

    #[test]
    fn w8_one_seed_gives_one_list_of_delays() {
        assert_eq!(five_throttles(1), five_throttles(1));
    }

    #[test]
    fn w8_another_seed_gives_another_list_of_delays() {
        assert_ne!(five_throttles(1), five_throttles(2));
    }

    proptest! {
        #[test]
        fn w8_every_delay_after_a_throttle_lies_within_its_bounds(seed: u64) {
            for (n, delay) in five_throttles(seed).into_iter().enumerate() {
                let longest = secs(1 << n).min(secs(15));
                prop_assert!(ms(500) <= delay && delay <= longest, "throttle {}: {:?}", n, delay);
            }
        }

        #[test]
        fn w8_every_delay_after_a_failure_lies_within_its_bounds(seed: u64) {
            let script = std::iter::repeat_n(api("InternalError"), 8).chain([success()]);
            let delays = Rig::new(&Policy::default(), seed).run(script).delays();
            for (n, delay) in delays.into_iter().enumerate() {
                let longest = ms(200 << n).min(secs(5));
                prop_assert!(ms(100) <= delay && delay <= longest, "failure {}: {:?}", n, delay);
            }
        }
    }
}

mod retry_after {
    use super::*;

    fn delay_after(status: u16, retry_after: &str) -> Duration {
        let busy = said(status, "busy").with_header("retry-after", retry_after);
        run([busy, success()]).delays()[0]
    }

    #[test]
    fn raises_the_delay_after_a_failure() {
        assert_eq!(delay_after(503, "7"), secs(7));
    }

    #[test]
    fn raises_the_delay_after_throttling() {
        assert_eq!(delay_after(429, "7"), secs(7));
    }

    #[test]
    fn of_an_api_error_raises_the_delay() {
        let throttled = api("RequestLimitExceeded").with_header("retry-after", "9");
        assert_eq!(run([throttled, success()]).delays(), [secs(9)]);
    }

    #[test]
    fn is_capped_by_the_policy() {
        assert_eq!(delay_after(503, "3600"), secs(15));
        assert_eq!(delay_after(503, &u64::MAX.to_string()), secs(15));
    }

    #[test]
    fn cap_is_a_setting() {
        let policy = Policy::default().with_longest_retry_after(secs(40));
        let busy = said(503, "busy").with_header("retry-after", "3600");
        assert_eq!(Rig::new(&policy, 7).run([busy, success()]).delays(), [secs(40)]);
    }

    #[test]
    fn never_lowers_a_delay() {
        assert!(delay_after(503, "0") >= ms(100));
        assert!(delay_after(429, "0") >= ms(500));
    }
}

/// Field case W6: one request, then the error.
mod hopeless_codes {
    use super::*;

    #[track_caller]
    fn ends_the_wait(code: &str) {
        let run = run([api(code)]);
        let error = run.error();
        assert!(matches!(error.kind, WaitErrorKind::Fault(Fault::Answer(_))), "{:?}", error.kind);
        assert_eq!(error.code().map(tcss_export::ErrorCode::as_str), Some(code));
        assert_eq!(error.request_id(), Some(&*format!("r-{code}")));
        assert_eq!(error.report.polls, 1);
    }

    macro_rules! ends {
        ($($name:ident: $($code:literal)*;)*) => {$(
            #[test]
            fn $name() {
                $(ends_the_wait($code);)*
            }
        )*};
    }

    // The service's common codes and those of TCSS 2020-11-01.
    ends! {
        w6_auth_failure: "AuthFailure";
        w6_invalid_authorization: "AuthFailure.InvalidAuthorization";
        w6_invalid_secret_id: "AuthFailure.InvalidSecretId";
        w6_mfa_failure: "AuthFailure.MFAFailure";
        w6_secret_id_not_found: "AuthFailure.SecretIdNotFound";
        w6_signature_failure: "AuthFailure.SignatureFailure";
        w6_unauthorized_operation_of_auth_failure: "AuthFailure.UnauthorizedOperation";
        w6_unauthorized_operation: "UnauthorizedOperation" "UnauthorizedOperation.CamNoAuth";
        w6_missing_parameter: "MissingParameter" "MissingParameter.JobId";
        w6_invalid_parameter: "InvalidParameter";
        w6_details_of_invalid_parameter:
            "InvalidParameter.ErrIpNoValid" "InvalidParameter.InvalidFormat"
            "InvalidParameter.IpNoValid" "InvalidParameter.MissingParameter"
            "InvalidParameter.ParsingError" "InvalidParameter.PortNoValid"
            "InvalidParameter.RegexRuleError" "InvalidParameter.ReverShellKeyFieldAllEmpty"
            "InvalidParameter.RuleInfoInValid";
        w6_invalid_parameter_value:
            "InvalidParameterValue" "InvalidParameterValue.DataNotFound"
            "InvalidParameterValue.DataRange" "InvalidParameterValue.LengthLimit";
        w6_unknown_parameter: "UnknownParameter";
        b3_w6_invalid_action: "InvalidAction";
        b3_w6_no_such_version: "NoSuchVersion";
        w6_no_such_product: "NoSuchProduct";
        w6_role_not_granted: "InternalError.ErrRoleNotExist";
        w10_quota: "LimitExceeded" "LimitExceeded.SomethingNew";
        w6_action_offline: "ActionOffline";
        w6_dry_run: "DryRunOperation";
        w6_failed_operation:
            "FailedOperation" "FailedOperation.AgentOffline" "FailedOperation.AuthorizedNotEnough"
            "FailedOperation.DataValueNotCorrect" "FailedOperation.ErrAlreadyScanning"
            "FailedOperation.RuleNotFind";
        w6_invalid_request: "InvalidRequest";
        w6_address_lists: "IpInBlacklist" "IpNotInWhitelist";
        w6_operation_denied: "OperationDenied";
        w6_size_limits: "RequestSizeLimitExceeded" "ResponseSizeLimitExceeded";
        w6_resource_insufficient: "ResourceInsufficient";
        w6_resource_not_found: "ResourceNotFound";
        w6_unsupported: "UnsupportedOperation" "UnsupportedProtocol" "UnsupportedRegion";
        w6_family_nobody_knows: "SomethingNew" "SomethingNew.InternalError" "4100";
        w6_family_in_another_spelling: "internalerror" "InternalErrors" " InternalError";
    }

    #[test]
    fn w6_error_without_a_code_ends_the_wait() {
        let run = run([members(r#""Error":{},"ExportStatus":"SUCCESS""#)]);
        assert_eq!(run.error().code().map(tcss_export::ErrorCode::as_str), Some(""));
    }
}

/// Codes that may pass, beside those of throttling.
mod passing_codes {
    use super::*;

    macro_rules! passes {
        ($($name:ident: $($code:literal)*;)*) => {$(
            #[test]
            fn $name() {
                for code in [$($code),*] {
                    let run = run([api(code), success()]);
                    run.assert_url(2);
                    assert_eq!(run.remedies(), [Remedy::Retry], "{code}");
                }
            }
        )*};
    }

    passes! {
        internal_error: "InternalError" "InternalError.MainDBFail" "InternalError.SomethingNew";
        w6_request_timeout_though_it_is_an_invalid_parameter: "InvalidParameter.RequestTimeout";
        service_unavailable: "ServiceUnavailable" "ServiceUnavailable.SomethingNew";
        resource_unavailable: "ResourceUnavailable" "ResourceUnavailable.SomethingNew";
        resource_in_use: "ResourceInUse" "ResourceInUse.SomethingNew";
    }
}

mod clocks {
    use super::*;

    /// Ten minutes ahead of [`SLOW`].
    const DATE: &str = "Wed, 15 Nov 2023 00:09:50 GMT";
    /// 2023-11-14T23:59:50Z.
    const SLOW: i64 = 1_700_006_390;

    fn expired() -> Exchange {
        api("AuthFailure.SignatureExpire")
    }

    fn slow() -> Rig {
        Rig { wall: SLOW * 1_000, ..Rig::new(&Policy::default(), 7) }
    }

    // Field case W9.
    #[test]
    fn w9_wall_clock_that_jumps_changes_no_delay() {
        let script = |hours: i64| {
            let jump = hours * 3_600;
            [
                running().then_wall_jumps(jump),
                api("InternalError").then_wall_jumps(-jump),
                running().then_wall_jumps(-jump),
                api("RequestLimitExceeded").then_wall_jumps(jump),
                success(),
            ]
        };
        let (still, jumping) = (run(script(0)), run(script(2)));
        assert_eq!(jumping.starts(), still.starts());
        assert_eq!(jumping.delays(), still.delays());
    }

    #[test]
    fn w9_signing_follows_the_wall_clock() {
        let policy = Policy::default().with_poll_interval(secs(5), secs(5));
        let script =
            [running().then_wall_jumps(7_200), running().then_wall_jumps(-7_200), success()];
        let run = Rig::new(&policy, 7).run(script);
        assert_eq!(run.timestamps(), ["1699979400", "1699986605", "1699979410"]);
    }

    // Field case S8, with its exact values.
    #[test]
    fn s8_expired_signature_corrects_the_clock_and_is_repeated_at_once() {
        let run = slow().run([expired().dated(DATE), success()]);
        run.assert_url(2);
        assert_eq!(run.timestamps(), ["1700006390", "1700006990"]);
        assert_eq!(scope(&run.polls[0].request), "2023-11-14/tcss/tc3_request");
        assert_eq!(scope(&run.polls[1].request), "2023-11-15/tcss/tc3_request");
        assert_eq!(
            signature(&run.polls[1].request),
            "7ea66f56f45f795df814a4b120c609fc35803f814b1a3d1b8282b6db001cdf37"
        );
        assert_eq!(run.events[0].clock_offset.map(ClockOffset::as_millis), Some(600_000));
        assert_eq!((run.remedies(), run.delays()), (vec![Remedy::ClockCorrected], vec![ZERO]));
    }

    #[test]
    fn s8_offset_is_kept_for_later_requests() {
        let run = slow().run([expired().dated(DATE), running(), success()]);
        assert_eq!(run.timestamps(), ["1700006390", "1700006990", "1700006992"]);
        assert_eq!(run.session.clock_offset().as_millis(), 600_000);
        let kept = session().with_clock_offset(run.session.clock_offset());
        let rig = Rig { session: kept, ..slow() };
        assert_eq!(rig.run([success()]).timestamps(), ["1700006990"]);
    }

    #[test]
    fn s8_second_in_a_row_is_final_and_its_text_names_the_offset() {
        let run = slow().run([expired().dated(DATE), expired().dated(DATE)]);
        let error = run.error();
        assert_eq!(run.polls.len(), 2);
        let code = error.code().map(tcss_export::ErrorCode::as_str);
        assert_eq!(code, Some("AuthFailure.SignatureExpire"));
        assert_eq!(error.report.clock_offset.as_millis(), 600_000);
        assert!(error.to_string().contains("clock offset +600.000 s"), "{error}");
    }

    #[test]
    fn s8_second_in_a_row_is_final_whatever_failed_in_between() {
        let between =
            [api("InternalError"), fault(SendFault::Timeout), api("RequestLimitExceeded")];
        for between in between {
            let run = slow().run([expired().dated(DATE), between, expired().dated(DATE)]);
            assert!(matches!(run.kind(), WaitErrorKind::Fault(_)));
        }
    }

    #[test]
    fn s8_next_one_is_corrected_again_after_a_good_answer() {
        let script = [
            expired().dated(DATE),
            running().then_wall_jumps(600),
            // Now the offset of ten minutes is ten minutes too much.
            expired().dated("Wed, 15 Nov 2023 00:09:52 GMT"),
            success(),
        ];
        let run = slow().run(script);
        run.assert_url(4);
        assert_eq!(run.timestamps(), ["1700006390", "1700006990", "1700007592", "1700006992"]);
    }

    #[test]
    fn s8_without_a_usable_date_is_final() {
        let run = slow().run([expired()]);
        assert!(matches!(run.kind(), WaitErrorKind::Fault(_)));
        assert_eq!(run.session.clock_offset(), ClockOffset::default());
    }

    #[test]
    fn s8_small_difference_is_corrected_when_the_service_says_expired() {
        let run = slow().run([expired().dated("Wed, 15 Nov 2023 00:00:00 GMT"), success()]);
        assert_eq!(run.timestamps(), ["1700006390", "1700006400"]);
    }

    /// Makes one test a set of headers that tell no time.
    macro_rules! tells_no_time {
        ($($name:ident: $headers:expr;)*) => {$(
            #[test]
            fn $name() {
                let with_headers = |exchange: Exchange| {
                    let headers: &[(&'static str, &str)] = &$headers;
                    headers.iter().fold(exchange, |e, (name, value)| e.with_header(name, value))
                };
                let run = slow().run([with_headers(running()), with_headers(expired())]);
                assert_eq!(run.polls.len(), 2);
                assert!(run.events.iter().all(|event| event.clock_offset.is_none()));
                assert_eq!(run.session.clock_offset(), ClockOffset::default());
            }
        )*};
    }

    // Field case S9.
    tells_no_time! {
        s9_no_date: [];
        s9_date_with_an_age: [("date", DATE), ("age", "0")];
        s9_two_dates: [("date", DATE), ("date", DATE)];
        s9_empty_date: [("date", "")];
        s9_date_of_no_form: [("date", "yesterday")];
        s9_date_in_another_zone: [("date", "Wed, 15 Nov 2023 00:09:50 CET")];
        s9_date_of_two_digits: [("date", "Wednesday, 15-Nov-23 00:09:50 GMT")];
        s9_date_before_the_epoch: [("date", "Wed, 15 Nov 1923 00:09:50 GMT")];
        s9_hour_that_is_none: [("date", "Wed, 15 Nov 2023 24:09:50 GMT")];
        s9_seconds_as_a_number: [("date", "1700006990")];
    }

    #[test]
    fn difference_beyond_30_s_is_corrected_by_any_good_answer() {
        // 31 s ahead of the local clock.
        let ahead = running().dated("Wed, 15 Nov 2023 00:00:21 GMT");
        let run = slow().run([ahead, success()]);
        assert_eq!(run.events[0].clock_offset.map(ClockOffset::as_millis), Some(31_000));
        assert_eq!(run.timestamps()[1], "1700006423");
    }

    #[test]
    fn difference_up_to_30_s_is_left_alone() {
        for date in ["Wed, 15 Nov 2023 00:00:20 GMT", "Tue, 14 Nov 2023 23:59:20 GMT"] {
            let run = slow().run([running().dated(date), success()]);
            assert_eq!(run.events[0].clock_offset, None);
            assert_eq!(run.timestamps()[1], "1700006392");
        }
    }

    #[test]
    fn clock_that_is_ahead_is_corrected_backwards() {
        let rig = Rig { wall: (SLOW + 1_200) * 1_000, ..slow() };
        let run = rig.run([expired().dated(DATE), success()]);
        assert_eq!(run.timestamps(), ["1700007590", "1700006990"]);
        assert_eq!(run.session.clock_offset().to_string(), "-600.000 s");
    }

    #[test]
    fn offset_is_taken_at_the_middle_of_the_exchange() {
        let run = slow()
            .run([running().dated("Wed, 15 Nov 2023 00:09:52 GMT").taking(secs(4)), success()]);
        assert_eq!(run.session.clock_offset().as_millis(), 600_000);
    }

    #[test]
    fn page_never_corrects_the_clock() {
        let run = slow().run([said(502, "<html>").dated(DATE), success()]);
        assert_eq!(run.session.clock_offset(), ClockOffset::default());
    }

    #[test]
    fn other_error_of_the_service_corrects_the_clock_and_is_treated_as_ever() {
        let run = slow().run([api("InternalError").dated(DATE), success()]);
        assert_eq!(run.session.clock_offset().as_millis(), 600_000);
        assert_eq!(run.remedies(), [Remedy::Retry]);
    }

    #[test]
    fn time_that_cannot_be_signed_ends_the_wait() {
        let mut rig = Rig { wall: -1, ..slow() };
        let Err(StartError::Build(error)) = rig.start() else { panic!("signed") };
        assert_eq!((error.field(), error.reason()), (Field::Timestamp, Reason::OutOfRange));
        let end = rig.waiter.finish().unwrap_err();
        assert_eq!((end.kind, end.report.polls), (WaitErrorKind::Build(error), 0));
    }
}

/// Field case K6.
mod rotation {
    use super::*;

    fn token_failure() -> Exchange {
        api("AuthFailure.TokenFailure")
    }

    #[test]
    fn k6_refused_token_asks_for_fresh_credentials_and_is_repeated_at_once() {
        let run = run([running(), token_failure(), success()]);
        run.assert_url(3);
        let fresh: Vec<_> = run.polls.iter().map(|poll| poll.fresh_credentials).collect();
        assert_eq!(fresh, [false, false, true]);
        assert_eq!(run.remedies(), [Remedy::FreshCredentials]);
        assert_eq!(run.starts()[2], run.starts()[1]);
    }

    #[test]
    fn k6_second_in_a_row_ends_the_wait() {
        let run = run([token_failure(), token_failure()]);
        let code = run.error().code().map(tcss_export::ErrorCode::as_str);
        assert_eq!(code, Some("AuthFailure.TokenFailure"));
        assert_eq!(run.polls.len(), 2);
    }

    #[test]
    fn k6_second_in_a_row_ends_the_wait_whatever_failed_in_between() {
        let run = run([token_failure(), fault(SendFault::Connection), token_failure()]);
        assert!(matches!(run.kind(), WaitErrorKind::Fault(Fault::Answer(_))));
    }

    #[test]
    fn k6_next_one_is_repeated_again_after_a_good_answer() {
        run([token_failure(), running(), token_failure(), success()]).assert_url(4);
    }

    #[test]
    fn k6_every_poll_is_signed_with_the_credentials_of_its_moment() {
        let mut rig = Rig::new(&Policy::default(), 7);
        for token in ["FieldCasesToken0001", "FieldCasesToken0002", "FieldCasesToken0001"] {
            assert!(rig.sleep().is_some());
            rig.credentials = Credentials::new(ID, KEY).unwrap().with_token(token).unwrap();
            assert_eq!(header(&rig.start().unwrap(), "x-tc-token"), token);
            rig.answer(running());
        }
    }

    #[test]
    fn k6_fresh_credentials_are_still_wanted_when_they_could_not_be_had() {
        let mut rig = Rig::new(&Policy::default(), 7);
        rig.start().unwrap();
        rig.answer(token_failure());
        rig.waiter.cannot_start(mono(ZERO), SendFault::Timeout);
        assert_eq!(rig.sleep(), Some(true));
    }
}

/// What a driver may do besides the plain loop.
mod handling {
    use super::*;

    fn rig() -> Rig {
        Rig::new(&Policy::default(), 7)
    }

    fn in_flight() -> Rig {
        let mut rig = rig();
        rig.start().unwrap();
        rig
    }

    fn waiting() -> Rig {
        let mut rig = in_flight();
        rig.answer(running());
        rig
    }

    fn done() -> Rig {
        let mut rig = in_flight();
        rig.answer(success());
        rig
    }

    #[test]
    fn first_poll_is_due_at_once() {
        assert_eq!(rig().step(), Step::Poll { fresh_credentials: false });
    }

    #[test]
    fn step_that_is_asked_many_times_changes_nothing() {
        for mut rig in [rig(), in_flight(), waiting(), done()] {
            let first = format!("{:?}", rig.step());
            for _ in 0..1_000 {
                assert_eq!(format!("{:?}", rig.step()), first);
            }
        }
    }

    #[test]
    fn steps_in_between_change_no_outcome() {
        let script = || {
            [running(), api("InternalError"), fault(SendFault::Connection), running(), success()]
        };
        let quiet = rig().run(script());
        let mut asked = rig();
        let mut script = script().into_iter();
        let mut starts = Vec::new();
        while let Some(_fresh) = asked.sleep() {
            starts.push(asked.now);
            asked.start().unwrap();
            for _ in 0..10 {
                asked.step();
            }
            asked.answer(script.next().unwrap());
            asked.now += ms(1);
            asked.step();
        }
        let shifts: Vec<_> =
            starts.iter().zip(quiet.starts()).map(|(a, b)| a.saturating_sub(b)).collect();
        assert!(shifts.iter().all(|shift| *shift <= ms(5)), "{shifts:?}");
        assert_eq!(starts.len(), quiet.polls.len());
    }

    #[test]
    fn request_under_way_is_waited_for_up_to_the_exchange_limit() {
        assert_eq!(in_flight().step(), Step::WaitUntil(mono(secs(30))));
    }

    #[test]
    fn exchange_past_its_limit_counts_as_a_timeout() {
        let mut rig = in_flight();
        assert!(rig.sleep().is_some());
        assert!(rig.now >= secs(30) + ms(100), "{:?}", rig.now);
        let late = rig.answer(success());
        assert_eq!(late.kind, EventKind::Ignored);
    }

    #[test]
    fn exchange_limit_is_a_setting() {
        let mut rig = Rig::new(&Policy::default().with_exchange_limit(secs(3)), 7);
        rig.start().unwrap();
        assert_eq!(rig.step(), Step::WaitUntil(mono(secs(3))));
    }

    #[test]
    fn start_before_a_poll_is_due_changes_nothing() {
        for mut rig in [in_flight(), waiting(), done()] {
            let before = format!("{:?}", rig.step());
            let polls = rig.waiter.poll_count();
            assert_eq!(rig.start().err(), Some(StartError::NotDue));
            assert_eq!(format!("{:?}", rig.step()), before);
            assert_eq!(rig.waiter.poll_count(), polls);
        }
        assert_eq!(StartError::NotDue.to_string(), "no poll is due");
    }

    #[test]
    fn answer_without_a_request_under_way_is_ignored() {
        for mut rig in [rig(), waiting(), done()] {
            let before = format!("{:?}", rig.step());
            let event = rig.answer(api("InvalidParameter").dated("Wed, 15 Nov 2023 00:09:50 GMT"));
            assert_eq!(event.kind, EventKind::Ignored);
            assert_eq!(format!("{:?}", rig.step()), before);
            assert_eq!(rig.session.clock_offset(), ClockOffset::default());
        }
    }

    #[test]
    fn abandoned_request_is_due_again() {
        let mut rig = in_flight();
        rig.waiter.abandon();
        assert_eq!(rig.step(), Step::Poll { fresh_credentials: false });
        let run = rig.run([success()]);
        assert_eq!(run.outcome.unwrap().report.polls, 2);
    }

    #[test]
    fn abandon_without_a_request_under_way_changes_nothing() {
        for mut rig in [rig(), waiting(), done()] {
            let before = format!("{:?}", rig.step());
            rig.waiter.abandon();
            assert_eq!(format!("{:?}", rig.step()), before);
        }
    }

    #[test]
    fn answer_to_an_abandoned_request_is_ignored() {
        let mut rig = in_flight();
        rig.waiter.abandon();
        assert_eq!(rig.answer(success()).kind, EventKind::Ignored);
    }

    #[test]
    fn cancelled_wait_sends_nothing_more() {
        for mut rig in [rig(), in_flight(), waiting()] {
            rig.waiter.cancel();
            assert_eq!(rig.start().err(), Some(StartError::NotDue));
            assert_eq!(rig.answer(success()).kind, EventKind::Ignored);
            assert_eq!(rig.waiter.finish().unwrap_err().kind, WaitErrorKind::Cancelled);
        }
    }

    #[test]
    fn cancelled_wait_keeps_what_it_saw() {
        let mut rig = waiting();
        rig.now = secs(1);
        rig.step();
        rig.waiter.cancel();
        let error = rig.waiter.finish().unwrap_err();
        assert_eq!(error.last_status(), Some(&ExportStatus::Running));
        assert_eq!((error.report.polls, error.report.elapsed), (1, secs(1)));
        assert_eq!(
            error.to_string(),
            "the wait was cancelled (polls: 1, 1.0 s, last status \"RUNNING\" at 42 %)"
        );
        assert!(error.source().is_none());
    }

    #[test]
    fn cancel_after_the_end_changes_no_outcome() {
        let mut rig = done();
        rig.waiter.cancel();
        assert!(rig.waiter.finish().is_ok());
    }

    #[test]
    fn finish_before_the_end_is_a_cancellation() {
        for (rig, polls) in [(rig(), 0), (in_flight(), 1), (waiting(), 1)] {
            let error = rig.waiter.finish().unwrap_err();
            assert_eq!((error.kind, error.report.polls), (WaitErrorKind::Cancelled, polls));
        }
    }

    #[test]
    fn poll_that_cannot_be_started_counts_as_a_failure() {
        let mut rig = rig();
        let event = rig.waiter.cannot_start(mono(ZERO), SendFault::Timeout);
        let EventKind::Retrying { fault, remedy, delay } = event.kind else { panic!("{event:?}") };
        assert_eq!((fault, remedy), (Fault::Send(SendFault::Timeout), Remedy::Retry));
        assert!(delay >= ms(100));
        assert_eq!((event.poll, rig.waiter.poll_count()), (0, 0));
    }

    #[test]
    fn poll_that_can_never_be_started_ends_the_wait() {
        let mut rig = rig();
        let event = rig.waiter.cannot_start(mono(ZERO), SendFault::Permanent);
        assert_eq!(event.kind, EventKind::Ended);
        let fault = Fault::Send(SendFault::Permanent);
        assert_eq!(rig.waiter.finish().unwrap_err().kind, WaitErrorKind::Fault(fault));
    }

    #[test]
    fn poll_that_cannot_be_started_ends_the_wait_after_eight_more() {
        let mut rig = rig();
        for _ in 0..9 {
            assert!(rig.sleep().is_some());
            rig.waiter.cannot_start(mono(rig.now), SendFault::Timeout);
        }
        assert_eq!(rig.sleep(), None);
    }

    #[test]
    fn poll_that_is_not_due_cannot_fail_to_start() {
        for mut rig in [in_flight(), waiting(), done()] {
            let before = format!("{:?}", rig.step());
            let event = rig.waiter.cannot_start(mono(ZERO), SendFault::Permanent);
            assert_eq!(event.kind, EventKind::Ignored);
            assert_eq!(format!("{:?}", rig.step()), before);
        }
    }

    #[test]
    fn session_of_another_site_ends_the_wait() {
        let mut rig = waiting();
        assert!(rig.sleep().is_some());
        rig.session = Session::new(Endpoint::mainland());
        let Err(StartError::Build(error)) = rig.start() else { panic!("signed") };
        assert_eq!((error.field(), error.reason()), (Field::Prepared, Reason::OtherEndpoint));
        assert_eq!(rig.waiter.finish().unwrap_err().kind, WaitErrorKind::Build(error));
    }

    #[test]
    fn session_may_change_within_a_site() {
        let mut rig = waiting();
        assert!(rig.sleep().is_some());
        rig.session = session().with_region("ap-guangzhou").unwrap();
        let request = rig.start().unwrap();
        assert_eq!(
            (header(&request, "host"), header(&request, "x-tc-region")),
            (HOST, "ap-guangzhou")
        );
    }

    #[test]
    fn events_count_the_polls_from_one() {
        let run = run([running(), api("InternalError"), running(), success()]);
        let polls: Vec<_> = run.events.iter().map(|event| event.poll).collect();
        assert_eq!(polls, [1, 2, 3, 4]);
    }

    #[test]
    fn events_tell_status_progress_and_delay() {
        let run = run([running(), success()]);
        let (status, progress) = (ExportStatus::Running, Some(42.0));
        assert_eq!(run.events[0].kind, EventKind::Waiting { status, progress, delay: secs(2) });
    }

    #[test]
    fn waiter_names_its_job() {
        assert_eq!(rig().waiter.job(), &job());
    }

    #[test]
    fn clone_of_a_waiter_goes_on_alike() {
        let script = || [running(), api("RequestLimitExceeded"), api("InternalError"), success()];
        let rig = waiting();
        let other = Rig { waiter: rig.waiter.clone(), ..Rig::new(&Policy::default(), 99) };
        let (one, two) = (rig.run(script()), other.run(script()));
        assert_eq!(one.starts(), two.starts());
    }
}

#[test]
fn errors_of_waiting_cross_threads_and_are_small() {
    fn crosses_threads<T: Error + Send + Sync + 'static>() {}
    crosses_threads::<WaitError>();
    crosses_threads::<StartError>();
    crosses_threads::<SendFault>();
    crosses_threads::<Fault>();
    assert!(size_of::<WaitError>() <= 176, "{}", size_of::<WaitError>());
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let what = prop_oneof![
        4 => Just(running()),
        1 => Just(members(r#""ExportStatus":"SUCCESS""#)),
        1 => Just(members(r#""ExportStatus":"PENDING""#)),
        2 => "InternalError|RequestLimitExceeded|AuthFailure\\.(TokenFailure|SignatureExpire)"
            .prop_map(|code| api(&code)),
        1 => Just(api("AuthFailure.SignatureExpire").dated("Tue, 14 Nov 2023 17:30:00 GMT")),
        1 => Just(said(503, "busy").with_header("retry-after", "60")),
        2 => prop_oneof![
            Just(SendFault::Connection),
            Just(SendFault::Timeout),
            Just(SendFault::Truncated),
        ].prop_map(fault),
    ];
    (what, 0u64..40_000, -4_000i64..4_000)
        .prop_map(|(what, took, jump)| what.taking(ms(took)).then_wall_jumps(jump))
}

proptest! {
    /// Whatever comes: starts lie before the deadline, every wait ends in time, each request is
    /// signed for its moment, and what is reported is what happened.
    #[test]
    fn any_script_keeps_the_promises_of_a_wait(
        seed: u64,
        max_wait in 0u64..400,
        script in proptest::collection::vec(any_exchange(), 1..40),
    ) {
        let policy = Policy::default().with_max_wait(secs(max_wait));
        let mut rig = Rig::new(&policy, seed);
        let mut script = script.into_iter().cycle();
        let mut starts = Vec::new();
        while let Some(_fresh) = rig.sleep() {
            prop_assert!(rig.now < secs(max_wait));
            let request = rig.start().expect("a poll is due");
            let wall = rig.session.clock_offset().apply(rig.now().wall).unix_seconds();
            prop_assert_eq!(header(&request, "x-tc-timestamp"), wall.to_string());
            starts.push(rig.now);
            let exchange = script.next().expect("a cycle");
            // A driver gives up at the moment that the step named.
            let exchange = match exchange.took > policy.exchange_limit() {
                true => fault(SendFault::Timeout).taking(policy.exchange_limit()),
                false => exchange,
            };
            rig.answer(exchange);
        }
        prop_assert!(rig.now <= secs(max_wait) + policy.exchange_limit());
        let error = rig.waiter.finish().expect_err("no script has a URL");
        prop_assert_eq!(usize::try_from(error.report.polls), Ok(starts.len()));
        prop_assert_eq!(error.report.elapsed, rig.now);
        prop_assert!(error.report.retries <= error.report.polls);
    }
}
