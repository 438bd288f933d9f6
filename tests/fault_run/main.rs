//! Hundreds of concurrent waits over ureq and over hyper, against a loopback service that fails in
//! every way it knows.
//!
//! The short form, part of every test run, checks when the budget granted each start. The long form
//! uses the spacing of the real service and also checks the arrivals. It needs an idle machine,
//! because the spacing allows only 50 ms of jitter:
//! `TCSS_EXPORT_FAULT_RUN=long cargo test --release -p tcss-export --features ureq,hyper
//! --test fault_run -- --nocapture --test-threads=1`.
//! `TCSS_EXPORT_SEED=7` chooses other scripts; the seed is printed.
#![cfg(all(feature = "hyper", feature = "ureq"))]

mod plan;
#[path = "../common/random.rs"]
mod random;
mod recording;
#[path = "../common/with.rs"]
mod with;

use std::{
    env, thread,
    time::{Duration, Instant},
};

use plan::{Plan, SECRET_ID, SECRET_KEY, TOKEN, credential_source};
use recording::{Grants, Recording};
use tcss_export::{
    JobId, Session,
    core::RateBudget,
    driver::Budget,
    error::WaitError,
    wait::{Backoff, Finished, Policy},
};
use tcss_export_testkit::{Seen, SeenAnswer, Service};
use with::with;

const JOBS: usize = 500;

type Outcome = Result<Finished, WaitError>;

/// The short or the long form.
#[derive(Clone, Copy)]
struct Form {
    is_long: bool,
    spacing: Duration,
    seed: u64,
}

impl Form {
    fn from_environment() -> Self {
        let is_long = env::var("TCSS_EXPORT_FAULT_RUN").is_ok_and(|form| form == "long");
        let seed = env::var("TCSS_EXPORT_SEED").ok().and_then(|seed| seed.parse().ok());
        let short = Duration::from_millis(4);
        let spacing = if is_long { RateBudget::SPACING } else { short };
        Self { is_long, spacing, seed: seed.unwrap_or(1) }
    }
}

/// Short delays, and an exchange limit that only a hanging answer reaches, even on a busy machine.
fn policy() -> Policy {
    let ms = Duration::from_millis;
    with(Policy::default(), |p| {
        p.poll_interval = ms(50);
        p.longest_poll_interval = ms(400);
        p.retry = Backoff::new(ms(10), ms(20), ms(200));
        p.throttle = Backoff::new(ms(20), ms(50), ms(400));
        p.exchange_limit = ms(2_000);
    })
}

fn policy_of(plan: &Plan) -> Policy {
    match plan.deadline() {
        Some(deadline) => with(policy(), |p| p.max_wait = deadline),
        None => policy(),
    }
}

/// The service, the jobs and the budget for one transport.
struct FaultRun {
    form: Form,
    plans: Vec<Plan>,
    service: Service,
    budget: Budget,
    grants: Grants,
}

impl FaultRun {
    fn new() -> Self {
        let form = Form::from_environment();
        let plans = Plan::all(JOBS, form.seed);
        let builder = Service::builder().key(SECRET_ID, SECRET_KEY).token(TOKEN);
        let builder = plans.iter().fold(builder, |b, plan| b.job(&plan.job, plan.script()));
        let service = builder.start().expect("a free loopback port");
        let budget = Budget::new(RateBudget::new(form.spacing));
        Self { form, plans, service, budget, grants: Grants::default() }
    }

    fn session(&self) -> Session {
        Session::new(self.service.url().parse().expect("a loopback URL"))
    }

    fn check(&self, outcomes: &[Outcome]) {
        let (seed, seen) = (self.form.seed, self.service.seen());
        assert_eq!(outcomes.len(), JOBS);
        for (plan, outcome) in self.plans.iter().zip(outcomes) {
            assert!(plan.fits(outcome), "seed {seed}: {plan:?} ended in {outcome:?}");
            let arrived = seen.iter().filter(|seen| seen.job_id.as_deref() == Some(&plan.job));
            let polls = plan::report(outcome).polls as usize;
            assert!(arrived.count() <= polls, "seed {seed}: {plan:?} was polled after its end");
        }
        for code in ["AuthFailure.SignatureExpire", "AuthFailure.TokenFailure"] {
            assert!(seen.iter().any(|seen| is_refusal(seen, code)), "seed {seed}: no {code}");
        }
        self.grants.assert_spacing(self.form.spacing, seed);
        let polls: usize = outcomes.iter().map(|o| plan::report(o).polls as usize).sum();
        assert_eq!(self.grants.count(), polls, "seed {seed}: every start had a grant");
        if self.form.is_long {
            assert_at_most_20_a_second(&seen, seed);
        }
    }

    fn print_summary(&self, transport: &str, begun: Instant) {
        let (seed, starts) = (self.form.seed, self.grants.count());
        let (seen, seconds) = (self.service.seen(), begun.elapsed().as_secs_f64());
        let busiest = busiest_second(&seen);
        println!(
            "{transport}: seed {seed}, {JOBS} jobs, {starts} starts, {} arrivals, \
             {busiest} in the busiest second, {seconds:.1} s",
            seen.len()
        );
    }
}

fn is_refusal(seen: &Seen, code: &str) -> bool {
    matches!(&seen.answer, SeenAnswer::Refused { code: refused } if refused == code)
}

/// Returns the largest number of requests that arrived within one second.
fn busiest_second(seen: &[Seen]) -> usize {
    let within = |first: &Seen| first.at + Duration::from_secs(1);
    let count = |(n, first): (usize, &Seen)| {
        seen[n..].iter().take_while(|seen| seen.at < within(first)).count()
    };
    seen.iter().enumerate().map(count).max().unwrap_or_default()
}

fn assert_at_most_20_a_second(seen: &[Seen], seed: u64) {
    let busiest = busiest_second(seen);
    assert!(busiest <= 20, "seed {seed}: {busiest} arrivals in one second");
}

#[test]
fn every_wait_over_ureq_ends_as_planned() {
    let (run, begun) = (FaultRun::new(), Instant::now());
    let ureq = tcss_export::ureq::Ureq::default();
    let client =
        tcss_export::ureq::Client::with_transport(run.session(), credential_source(), ureq.clone())
            .with_budget(run.budget.clone());
    // All jobs share session and budget.
    let wait = |plan: &Plan| {
        let job = JobId::new(&*plan.job).expect("a text");
        let client = client.over(Recording::new(ureq.clone(), &run.grants));
        client.with_policy(policy_of(plan)).wait(job)
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let waits: Vec<_> = run.plans.iter().map(|plan| scope.spawn(|| wait(plan))).collect();
        waits.into_iter().map(|wait| wait.join().expect("no panic")).collect()
    });
    run.print_summary("ureq", begun);
    run.check(&outcomes);
}

#[test]
fn every_wait_over_hyper_ends_as_planned() {
    let (run, begun) = (FaultRun::new(), Instant::now());
    let hyper = tcss_export::hyper::Hyper::default();
    let client = tcss_export::hyper::Client::with_transport(
        run.session(),
        credential_source(),
        hyper.clone(),
    )
    .with_budget(run.budget.clone());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let wait = |plan: &Plan| {
        let job = JobId::new(&*plan.job).expect("a text");
        let client = client.over(Recording::new(hyper.clone(), &run.grants));
        let client = client.with_policy(policy_of(plan));
        runtime.spawn(async move { client.wait(job).await })
    };
    let waits: Vec<_> = run.plans.iter().map(wait).collect();
    let outcomes = waits.into_iter().map(|wait| runtime.block_on(wait).expect("no panic"));
    let outcomes: Vec<_> = outcomes.collect();
    run.print_summary("hyper", begun);
    run.check(&outcomes);
}
