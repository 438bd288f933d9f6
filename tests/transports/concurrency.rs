//! Threads over ureq and tasks over hyper, waits for many jobs, and waits whose token is refused.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

#[cfg(feature = "hyper")]
use tcss_export::hyper;
#[cfg(feature = "ureq")]
use tcss_export::ureq;
use tcss_export::{
    CredentialSource, Credentials, JobId, Session,
    actions::{AssetType, CreateExportComplianceStatusListJob},
    core::RateBudget,
    driver::Budget,
};
use tcss_export_testkit::{SeenAnswer, Service};

use crate::{
    jobs::service,
    setup::{SECRET_ID, SECRET_KEY, TOKEN, action, credentials, short_delays},
};

fn session(service: &Service) -> Session {
    Session::new(service.url().parse().unwrap())
}

/// Asserts that the client kept the spacing of its starts. On a busy machine requests may arrive
/// closer together, so the arrivals are printed only.
fn assert_paced(service: &Service, starts: u32, begun: Instant) {
    let spacings = RateBudget::SPACING * (starts - 1);
    assert!(begun.elapsed() >= spacings - RateBudget::SPACING / 25);
    let at: Vec<_> = service.seen().iter().map(|seen| seen.at).collect();
    let within = |from: &Duration| at.iter().filter(|a| *a >= from && **a < *from + SECOND).count();
    println!("most arrivals in a second: {}", at.iter().map(within).max().unwrap());
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(feature = "ureq")]
#[test]
fn threads_over_ureq_keep_the_spacing_on_new_and_on_reused_connections() {
    let service = service("RUNNING");
    let session = session(&service);
    let client = ureq::Client::new(session, credentials());
    let begun = Instant::now();
    for _ in ["new", "reused"] {
        std::thread::scope(|scope| {
            for _ in 0..15 {
                scope.spawn(|| client.send(&action()).unwrap());
            }
        });
    }
    assert_paced(&service, 30, begun);
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn tasks_over_hyper_keep_the_spacing_on_new_and_on_reused_connections() {
    let service = service("RUNNING");
    let session = session(&service);
    let client = hyper::Client::new(session, credentials());
    let begun = Instant::now();
    for _ in ["new", "reused"] {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..15 {
            let client = client.clone();
            tasks.spawn(async move { client.send(&action()).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.len(), 15);
    }
    assert_paced(&service, 30, begun);
}

fn job_ids() -> impl Iterator<Item = JobId> {
    (0..10).map(|nth| JobId::new(format!("job-{nth}")).unwrap())
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_waits_for_many_jobs() {
    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let client = ureq::Client::new(session, credentials());
    let client = client.with_policy(short_delays());
    let outcomes: Vec<_> = client.wait_all(job_ids()).collect();
    assert_eq!(outcomes.len(), 10);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hyper_waits_for_many_jobs() {
    use futures_util::{StreamExt, stream};

    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let client = hyper::Client::new(session, credentials());
    let client = client.with_policy(short_delays());
    let outcomes: Vec<_> = client.wait_all(stream::iter(job_ids())).collect().await;
    assert_eq!(outcomes.len(), 10);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
}

/// More than a page of the job list shows.
const MANY: usize = 120;

/// Asserts that the list was read page by page, and that each job ended at a poll.
fn assert_listed(service: &Service, ended: usize, polls: u32) {
    assert_eq!(ended, MANY);
    let lists = service.seen().iter().filter(|seen| seen.answer == SeenAnswer::Listed).count();
    println!("{MANY} jobs: {lists} lists, {polls} polls");
    assert!(lists >= 4, "two pages before and two after the jobs ended: {lists}");
    assert!(polls >= MANY as u32);
}

fn create() -> CreateExportComplianceStatusListJob {
    CreateExportComplianceStatusListJob::all(AssetType::HOST)
}

/// A budget for a service without a limit.
fn quick() -> Budget {
    Budget::new(RateBudget::new(Duration::from_millis(1)))
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_lists_many_jobs() {
    let service = service("RUNNING:10,RUNNING:60,SUCCESS");
    let client = ureq::Client::new(session(&service), credentials()).with_budget(quick());
    let jobs: Vec<_> = (0..MANY).map(|_| client.send(&create()).unwrap().response.job_id).collect();
    let outcomes = client.wait_all(jobs).map(|(_, outcome)| outcome.unwrap().report.polls);
    let polls: Vec<_> = outcomes.collect();
    assert_listed(&service, polls.len(), polls.iter().sum());
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hyper_lists_many_jobs() {
    use futures_util::{StreamExt, stream};

    let service = service("RUNNING:10,RUNNING:60,SUCCESS");
    let client = hyper::Client::new(session(&service), credentials()).with_budget(quick());
    let mut jobs = Vec::new();
    for _ in 0..MANY {
        jobs.push(client.send(&create()).await.unwrap().response.job_id);
    }
    let outcomes = client.wait_all(stream::iter(jobs));
    let polls: Vec<_> = outcomes.map(|(_, outcome)| outcome.unwrap().report.polls).collect().await;
    assert_listed(&service, polls.len(), polls.iter().sum());
}

/// A source whose token is old until it is asked for fresh credentials.
fn rotating_source() -> CredentialSource {
    let refreshed = AtomicBool::new(false);
    CredentialSource::from_fn(move |fresh| {
        refreshed.fetch_or(fresh, Ordering::Relaxed);
        let token = if refreshed.load(Ordering::Relaxed) { TOKEN } else { "EXAMPLEOLDTOKEN" };
        Ok(Credentials::new(SECRET_ID, SECRET_KEY)?.with_token(token)?)
    })
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_asks_for_fresh_credentials_after_a_refused_token() {
    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let client = ureq::Client::new(session, rotating_source()).with_policy(short_delays());
    let finished = client.wait(JobId::new("4711").unwrap()).unwrap();
    assert_eq!(finished.report.polls, 3);
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_asks_for_fresh_credentials_after_a_refused_token() {
    let service = service("RUNNING,SUCCESS");
    let session = session(&service);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // `spawn` requires that the future is `Send`.
    let wait = runtime.spawn(async move {
        let client = hyper::Client::new(session, rotating_source()).with_policy(short_delays());
        client.wait(JobId::new("4711").unwrap()).await
    });
    assert_eq!(runtime.block_on(wait).unwrap().unwrap().report.polls, 3);
}

/// Connector, executor and timer are smol's.
#[cfg(feature = "hyper")]
#[test]
fn hyper_runs_on_smol() {
    use crate::on_smol::{Connector, Spawn};
    use smol_hyper::rt::SmolTimer;
    use tcss_export::hyper::{Client, Hyper};

    let script = "RUNNING:10,ERROR:InternalError,RESET,SUCCESS".parse().unwrap();
    let key = Service::builder().key(SECRET_ID, SECRET_KEY);
    let service = key.script(script).start().unwrap();
    let session = session(&service);
    let hyper = Hyper::with_connector(Connector, Spawn, SmolTimer::new());
    let client = Client::with_transport(session, credentials(), hyper);
    let client = client.with_policy(short_delays());
    let job = JobId::new("4711").unwrap();
    let finished = smol::block_on(client.wait(job)).unwrap();
    assert_eq!((finished.report.polls, finished.report.retries), (4, 2));
}
