//! When a set of waits asks for the job list of the account.

use alloc::{collections::BTreeSet, vec::Vec};
use core::mem;

use bytes::Bytes;
use http::{Request, Response};

use super::{Fault, Policy, Remedy, StartError, WaitKey, WaitSet};
use crate::{
    actions::{DescribeExportJobManageList, DescribeExportJobManageListResponse, JobId},
    answer::read_answer,
    credentials::Credentials,
    error::TransportErrorKind,
    retry::{Failures, Random},
    session::Session,
    time::{Mono, Now},
};

/// The service's maximum.
const PAGE: u64 = 100;

/// Sweeps over the job list, newest jobs first, one request at a time.
///
/// A sweep ends when it has shown all waits that it is expected to show, or with the list, or at
/// [`most_rows`](Self::most_rows), because the account may have any number of old jobs.
#[derive(Debug)]
pub(super) struct Listing {
    policy: Policy,
    random: Random,
    failures: Failures,
    wants_fresh_credentials: bool,
    phase: Phase,
    /// The waits of each job.
    jobs: BTreeSet<(JobId, WaitKey)>,
    /// The number of the current sweep or, between two, of the last one.
    sweep: u32,
    began: Option<Mono>,
    /// How many rows the current sweep has read; 0 between two sweeps.
    offset: u64,
    most_rows: u64,
    /// How many waits a sweep is expected to show.
    expected: usize,
    /// How many of them the current sweep has not shown.
    missing: usize,
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
            sweep: 0,
            began: None,
            offset: 0,
            most_rows: 0,
            expected: 0,
            missing: 0,
        }
    }

    /// Adds a wait, which the next sweep is expected to show. Returns the number of the current
    /// one.
    pub(super) fn add(&mut self, job: JobId, key: WaitKey) -> u32 {
        self.jobs.insert((job, key));
        self.expected += 1;
        self.sweep
    }

    pub(super) fn remove(&mut self, job: JobId, key: WaitKey, listed: &Listed) {
        self.jobs.remove(&(job, key));
        if listed.state == ListState::Expected {
            self.expected -= 1;
            self.missing -= usize::from(self.misses(listed));
        }
    }

    pub(super) fn waits_of(&self, job: JobId) -> Vec<WaitKey> {
        let of_job = (job.clone(), WaitKey::FIRST)..=(job, WaitKey::LAST);
        self.jobs.range(of_job).map(|(_, key)| *key).collect()
    }

    /// Records that the current sweep shows a wait.
    pub(super) fn show(&mut self, listed: &mut Listed) {
        match listed.state {
            ListState::Expected => self.missing -= usize::from(self.misses(listed)),
            ListState::Absent => {
                listed.state = ListState::Expected;
                self.expected += 1;
            }
            ListState::Ended | ListState::PolledOnly => {}
        }
        listed.sweep = self.sweep;
    }

    /// Records that a wait is listed as ended.
    pub(super) fn end(&mut self, listed: &mut Listed) {
        self.show(listed);
        if listed.state == ListState::Expected {
            listed.state = ListState::Ended;
            self.expected -= 1;
        }
    }

    /// Records the end of a sweep for a wait. Returns whether it was not shown as expected.
    pub(super) fn end_sweep(&mut self, listed: &mut Listed) -> bool {
        let is_absent = listed.state == ListState::Expected && listed.sweep != self.sweep;
        if is_absent {
            listed.state = ListState::Absent;
            self.expected -= 1;
        }
        is_absent
    }

    /// Returns whether the current sweep is still expected to show a wait.
    const fn misses(&self, listed: &Listed) -> bool {
        self.missing > 0 && listed.sweep != self.sweep
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

    pub(super) fn start(
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
        let request = session.request(&action, credentials, now.wall);
        self.phase = match request {
            Ok(_) => Phase::InFlight { started: now },
            Err(_) => Phase::Refused,
        };
        request.map_err(StartError::Build)
    }

    /// Takes the result of a request and returns the list, if it has come.
    pub(super) fn answer(
        &mut self,
        now: Now,
        session: &mut Session,
        answer: Result<Response<Bytes>, TransportErrorKind>,
    ) -> Option<DescribeExportJobManageListResponse> {
        let (fault, corrected) = match (answer, &self.phase) {
            (_, Phase::WaitUntil(_) | Phase::Refused) | (Ok(_), Phase::Requested) => return None,
            (Err(fault), _) => (Fault::Transport(fault), false),
            (Ok(response), Phase::InFlight { started }) => {
                let result = read_answer::<DescribeExportJobManageList>(&response);
                let headers = response.headers();
                let corrected = session.note_date(*started, now.mono, headers, &result).is_some();
                match result {
                    Ok(answer) => {
                        self.good_answer(now.mono);
                        return Some(answer.response);
                    }
                    Err(error) => (Fault::Answer(error), corrected),
                }
            }
        };
        self.fault(now.mono, &fault, corrected);
        None
    }

    /// Counts the rows of a page and decides whether the sweep goes on. Returns whether it has
    /// ended with waits missing, which are then none.
    pub(super) fn end_page(&mut self, rows: usize, total: Option<u64>) -> bool {
        let rows = rows as u64;
        self.offset += rows;
        let is_last = total.map_or(rows < PAGE, |total| self.offset >= total);
        if rows > 0 && !is_last && self.offset < self.most_rows {
            return false;
        }
        self.offset = 0;
        mem::take(&mut self.missing) > 0
    }

    /// Returns whether the list is used for so many waits.
    pub(super) const fn is_used(&self) -> bool {
        !matches!(self.phase, Phase::Refused) && self.expected > WaitSet::LIST_ABOVE
    }

    const fn is_sweeping(&self) -> bool {
        self.offset > 0 && self.missing > 0
    }

    fn begin(&mut self, now: Mono) {
        self.sweep = self.sweep.wrapping_add(1);
        self.began = Some(now);
        self.offset = 0;
        self.missing = self.expected;
        self.most_rows = 10 * PAGE + 4 * self.expected as u64;
    }

    fn good_answer(&mut self, now: Mono) {
        self.failures = Failures::default();
        self.wants_fresh_credentials = false;
        self.phase = Phase::WaitUntil(now);
    }

    fn fault(&mut self, now: Mono, fault: &Fault, corrected: bool) {
        // A second correction in a row would not help.
        let corrected = corrected && !self.failures.clock_corrected;
        let Self { failures, policy, random, .. } = self;
        self.phase = match failures.remedy(fault, corrected, policy, random) {
            Some((remedy, delay)) => {
                self.wants_fresh_credentials = remedy == Remedy::FreshCredentials;
                Phase::WaitUntil(now.saturating_add(delay))
            }
            None => Phase::Refused,
        };
    }
}

/// How far a set knows a wait from the job list.
#[derive(Debug)]
pub(super) struct Listed {
    /// The sweep that showed it last.
    pub(super) sweep: u32,
    pub(super) state: ListState,
}

impl Listed {
    /// Returns whether rows of the list count.
    pub(super) const fn is_followed(&self) -> bool {
        matches!(self.state, ListState::Expected | ListState::Absent)
    }

    /// Records that a poll has started.
    pub(super) fn polled(&mut self) {
        if self.state == ListState::Ended {
            self.state = ListState::PolledOnly;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListState {
    /// The next sweep is expected to show it.
    Expected,
    /// A sweep did not show it: only polls follow it.
    Absent,
    /// It is listed as ended and has not been polled since.
    Ended,
    /// It was polled after it was listed as ended: only polls follow it, because the list may be
    /// wrong.
    PolledOnly,
}
