//! When a set of waits asks for the job list of the account.

use alloc::{collections::BTreeSet, vec::Vec};
use core::mem;

use bytes::Bytes;
use http::{Request, Response};

#[cfg(doc)]
use super::SetStep;
use super::{Policy, StartError, Wait, WaitKey, WaitSet};
use crate::{
    actions::{
        DescribeExportJobManageList, DescribeExportJobManageListResponse, ExportJobInfo,
        ExportStatus, JobId,
    },
    answer::read_answer,
    credentials::Credentials,
    error::TransportErrorKind,
    retry::{Failures, Random},
    session::Session,
    time::{Mono, Now},
    wait::{Fault, Remedy, outcome::Last},
};

impl WaitSet {
    /// Starts the request for the job list that [`SetStep::List`] asks for, to be sent at once.
    ///
    /// # Errors
    ///
    /// [`StartError::NotDue`], or [`StartError::Build`], which ends the use of the list.
    pub fn start_list(
        &mut self,
        now: Now,
        session: &mut Session,
        credentials: &Credentials,
    ) -> Result<Request<Bytes>, StartError> {
        let listing = self.listing.as_mut().ok_or(StartError::NotDue)?;
        listing.start(now, session, credentials)
    }

    /// Takes the result of the request for the job list, or the fault because of which it could not
    /// be started.
    pub fn answer_list(
        &mut self,
        now: Now,
        session: &mut Session,
        answer: Result<Response<Bytes>, TransportErrorKind>,
    ) {
        let Some(mut listing) = self.listing.take() else { return };
        if let Some(page) = listing.answer(now, session, answer) {
            let (rows, total) = (page.jobs.len(), page.total_count);
            page.jobs.into_iter().for_each(|row| self.take_row(&mut listing, now.mono, row));
            let absent = listing.end_page(rows, total);
            absent.into_iter().for_each(|key| self.update(key, now.mono));
        }
        self.listing = Some(listing);
    }

    /// Passes a row of the job list to the waits of its job.
    fn take_row(&mut self, listing: &mut Listing, now: Mono, row: ExportJobInfo) {
        let ExportJobInfo { job_id: Some(job), status, progress, failure_message, .. } = row else {
            return;
        };
        if let ExportStatus::Unknown(_) = status {
            return;
        }
        let row = Last { status, progress, failure_message };
        for key in listing.waits_of(job) {
            if let Some(wait) = self.waits.get_mut(&key)
                && wait.end == ListedEnd::NotListed
            {
                wait.take_row(now, row.clone());
                match wait.end {
                    ListedEnd::NotListed => listing.show(key),
                    _ => listing.forget(key),
                }
                self.update(key, now);
            }
        }
    }
}

impl Wait {
    /// Takes a row of the job list as an answer.
    fn take_row(&mut self, now: Mono, row: Last) {
        // A poll in flight may still find an ended job running, so a later row counts.
        if row.status != ExportStatus::Running && !self.waiter.is_in_flight() {
            self.end = ListedEnd::Listed;
        }
        let left = self.waiter.deadline().saturating_since(self.polled);
        let trust = WaitSet::LIST_TRUST.min(left / 2);
        self.waiter.listed(now, row, self.polled.saturating_add(trust));
    }
}

/// What the job list has shown of the end of a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListedEnd {
    NotListed,
    /// No poll has started since.
    Listed,
    /// The list may be wrong, so only polls follow the wait.
    Polled,
}

/// The service's maximum.
const PAGE: u64 = 100;

/// Sweeps over the job list, newest jobs first, one request at a time.
///
/// A sweep ends when it has shown all waits that it is expected to show, at the end of the list, or
/// at [`most_rows`](Self::most_rows), because the account may have any number of old jobs.
#[derive(Debug)]
pub(super) struct Listing {
    policy: Policy,
    random: Random,
    failures: Failures,
    wants_fresh_credentials: bool,
    phase: Phase,
    /// The waits of each job.
    jobs: BTreeSet<(JobId, WaitKey)>,
    /// The waits that a sweep is expected to show.
    expected: BTreeSet<WaitKey>,
    /// Those of them that the current sweep has not shown.
    missing: BTreeSet<WaitKey>,
    began: Option<Mono>,
    /// How many rows the current sweep has read; 0 between two sweeps.
    offset: u64,
    most_rows: u64,
}

#[derive(Debug)]
enum Phase {
    WaitUntil(Mono),
    /// The caller was asked to start a request.
    Requested,
    InFlight {
        started: Now,
    },
    /// The service permanently refuses the list.
    Refused,
}

impl Listing {
    pub(super) fn new(policy: &Policy, seed: u64) -> Self {
        Self {
            policy: policy.clone(),
            random: Random(seed),
            failures: Failures::default(),
            wants_fresh_credentials: false,
            phase: Phase::WaitUntil(Mono::default()),
            jobs: BTreeSet::new(),
            expected: BTreeSet::new(),
            missing: BTreeSet::new(),
            began: None,
            offset: 0,
            most_rows: 0,
        }
    }

    /// Adds a wait, which the next sweep is expected to show.
    pub(super) fn add(&mut self, job: JobId, key: WaitKey) {
        self.jobs.insert((job, key));
        self.expected.insert(key);
    }

    pub(super) fn remove(&mut self, job: JobId, key: WaitKey) {
        self.jobs.remove(&(job, key));
        self.forget(key);
    }

    fn waits_of(&self, job: JobId) -> Vec<WaitKey> {
        let of_job = (job.clone(), WaitKey::FIRST)..=(job, WaitKey::LAST);
        self.jobs.range(of_job).map(|(_, key)| *key).collect()
    }

    /// Records that the current sweep shows a wait.
    fn show(&mut self, key: WaitKey) {
        self.missing.remove(&key);
        self.expected.insert(key);
    }

    /// Records that no sweep needs to show a wait any more.
    fn forget(&mut self, key: WaitKey) {
        self.missing.remove(&key);
        self.expected.remove(&key);
    }

    /// Returns whether the list is used, and expected to show a wait.
    pub(super) fn follows(&self, key: WaitKey) -> bool {
        self.is_used() && self.expected.contains(&key)
    }

    /// Returns when the next request is due, if any.
    pub(super) fn due(&self) -> Option<Mono> {
        let Phase::WaitUntil(moment) = self.phase else { return None };
        if self.is_sweeping() {
            return Some(moment);
        }
        let pause = self.policy.poll_interval / 2;
        let earliest = self.began.map_or(moment, |began| began.saturating_add(pause));
        self.is_used().then(|| moment.max(earliest))
    }

    /// Asks for a request, if one is due. Returns whether it needs fresh credentials.
    pub(super) fn request(&mut self, now: Mono) -> Option<bool> {
        self.due().filter(|due| *due <= now)?;
        self.phase = Phase::Requested;
        Some(self.wants_fresh_credentials)
    }

    fn start(
        &mut self,
        now: Now,
        session: &mut Session,
        credentials: &Credentials,
    ) -> Result<Request<Bytes>, StartError> {
        if !matches!(self.phase, Phase::Requested) {
            return Err(StartError::NotDue);
        }
        if !self.is_sweeping() {
            self.begin(now.mono);
        }
        let mut action = DescribeExportJobManageList::new().newest_first();
        (action.offset, action.limit) = (Some(self.offset), Some(PAGE));
        self.wants_fresh_credentials = false;
        let request = session.request(&action, credentials, now.wall);
        self.phase = match request {
            Ok(_) => Phase::InFlight { started: now },
            Err(_) => Phase::Refused,
        };
        request.map_err(StartError::Build)
    }

    /// Takes the result of a request and returns the list, if it has come.
    fn answer(
        &mut self,
        now: Now,
        session: &mut Session,
        answer: Result<Response<Bytes>, TransportErrorKind>,
    ) -> Option<DescribeExportJobManageListResponse> {
        let (result, corrected) = match (answer, &self.phase) {
            (_, Phase::WaitUntil(_) | Phase::Refused) | (Ok(_), Phase::Requested) => return None,
            (Err(fault), _) => (Err(Fault::Transport(fault)), false),
            (Ok(response), Phase::InFlight { started }) => {
                let result = read_answer::<DescribeExportJobManageList>(&response);
                let headers = response.headers();
                let corrected = session.note_date(*started, now.mono, headers, &result).is_some();
                (result.map_err(Fault::Answer), corrected)
            }
        };
        let fault = match result {
            Ok(answer) => {
                self.failures = Failures::default();
                self.phase = Phase::WaitUntil(now.mono);
                return Some(answer.response);
            }
            Err(fault) => fault,
        };
        let Self { failures, policy, random, .. } = self;
        let remedy = failures.remedy(&fault, corrected, policy, random);
        self.wants_fresh_credentials |= matches!(remedy, Some((Remedy::FreshCredentials, _)));
        self.phase = match remedy {
            Some((_, delay)) => Phase::WaitUntil(now.mono.saturating_add(delay)),
            None => Phase::Refused,
        };
        None
    }

    /// Counts the rows of a page and decides whether the sweep goes on. Returns the waits that a
    /// sweep which has ended did not show: no later one is expected to.
    fn end_page(&mut self, rows: usize, total: Option<u64>) -> BTreeSet<WaitKey> {
        let rows = rows as u64;
        self.offset += rows;
        let is_last = total.map_or(rows < PAGE, |total| self.offset >= total);
        if rows > 0 && !is_last && self.offset < self.most_rows {
            return BTreeSet::new();
        }
        self.offset = 0;
        let absent = mem::take(&mut self.missing);
        self.expected.retain(|key| !absent.contains(key));
        absent
    }

    fn is_used(&self) -> bool {
        !matches!(self.phase, Phase::Refused) && self.expected.len() > WaitSet::LIST_ABOVE
    }

    fn is_sweeping(&self) -> bool {
        self.offset > 0 && !self.missing.is_empty()
    }

    fn begin(&mut self, now: Mono) {
        self.began = Some(now);
        self.offset = 0;
        self.missing = self.expected.clone();
        self.most_rows = 10 * PAGE + 4 * self.expected.len() as u64;
    }
}
