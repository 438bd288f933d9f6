mod listing;

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
};
use core::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use self::listing::{ListedEnd, Listing};
use super::{
    Policy,
    outcome::{Event, Outcome},
    waiter::{StartError, Step, Waiter},
};
use crate::{
    actions::JobId,
    credentials::Credentials,
    error::TransportErrorKind,
    session::Session,
    time::{Mono, Now},
};

/// Any number of waits, in the order in which their polls are due.
///
/// Polls of jobs about which nothing is known yet, and of jobs that are listed as ended, come
/// before the rest. Each operation takes O(log n), and O(n) once for a whole sweep over the job
/// list. Deadlines have a queue apart from polls, so a wait whose poll queues for the rate budget
/// still ends in time. Like a [`Waiter`], the set sends nothing and knows no budget:
/// [`next`](Self::next) returns what to do.
///
/// # The job list
///
/// A set [with a list](Self::with_list) of more than [`LIST_ABOVE`](Self::LIST_ABOVE) waits also
/// asks for [`DescribeExportJobManageList`](crate::actions::DescribeExportJobManageList), which
/// shows 100 jobs a request and has a limit of its own. A row that shows a running job counts as an
/// answer to its wait, though for no longer than [`LIST_TRUST`](Self::LIST_TRUST), or half of the
/// time to its deadline, since its last poll. A row that shows an end makes the poll due at once,
/// because only a poll has the URL or the error. Only the first such row counts: if the poll finds
/// the job running, its wait is then followed by polls alone. So is a job that the list does not
/// show.
///
/// A sweep over the list starts with the newest jobs and ends when it has shown every wait, with
/// the list, or after 1,000 rows and four for each wait. Sweeps start at least half of
/// [`poll_interval`](Policy::poll_interval) apart. Transient faults of the list are retried as
/// those of a wait. A permanent one, such as `UnauthorizedOperation`, ends its use.
///
/// # Deadlines
///
/// A wait's deadline counts from its creation. At 20 starts a second, one poll of 40,000 jobs takes
/// longer than the default [`max_wait`](Policy::max_wait), and a job needs a poll to succeed:
/// choose `max_wait` accordingly.
///
/// ```
/// use tcss_export_core::{wait::*, *};
/// # fn poll(_: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, TransportErrorKind> {
/// #     let url = "https://h.example/a.csv";
/// #     let body = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{url}"}}}}"#);
/// #     Ok(http::Response::new(body.into()))
/// # }
/// # let now = Now { wall: Wall::from_unix_seconds(1_699_979_400), ..Now::default() };
///
/// let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
/// let mut session = Session::new(Endpoint::international());
/// let mut set = WaitSet::new();
/// for (id, seed) in [("4711", 1), ("4712", 2)] {
///     set.add(Waiter::new(JobId::new(id)?, &Policy::default(), seed, now.mono));
/// }
/// let mut files = Vec::new();
/// loop {
///     match set.next(now.mono) {
///         SetStep::Poll { key, .. } => {
///             let request = set.start(key, now, &mut session, &credentials)?;
///             set.answer(key, now, &mut session, poll(request));
///         }
///         SetStep::Ended { outcome, .. } => files.push(outcome?.download_url),
///         SetStep::List { .. } => {} // only a set with a list
///         SetStep::WaitUntil(_moment) => {} // sleep
///         SetStep::Empty => break,
///     }
/// }
/// assert_eq!(files.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct WaitSet {
    waits: BTreeMap<WaitKey, Box<Wait>>,
    /// When polls are due that come before the rest.
    first_polls: Queue,
    /// When other polls are due.
    polls: Queue,
    /// When a deadline or the limit of an exchange passes.
    limits: Queue,
    ended: VecDeque<WaitKey>,
    listing: Option<Box<Listing>>,
    next_key: u64,
    next_place: u64,
}

/// Identifies a wait of a set; no later wait gets the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey(u64);

impl WaitKey {
    pub(super) const FIRST: Self = Self(0);
    pub(super) const LAST: Self = Self(u64::MAX);
}

/// Waits by moment; of equal moments, the one that was queued first comes first.
type Queue = BTreeMap<Place, WaitKey>;
type Place = (Mono, u64);

#[derive(Debug)]
struct Wait {
    waiter: Waiter,
    first_poll: Option<Place>,
    poll: Option<Place>,
    limit: Option<Place>,
    /// When it was created or polled last.
    polled: Mono,
    end: ListedEnd,
}

/// What to do next with a set.
#[derive(Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every step")]
pub enum SetStep {
    /// Do nothing until this moment or until an answer arrives.
    WaitUntil(Mono),
    /// The poll that has been due the longest: get credentials and a start from the budget, then
    /// call [`WaitSet::start`]. Until then, call [`WaitSet::next`] again at
    /// [`WaitSet::next_limit`].
    Poll {
        /// The wait.
        key: WaitKey,
        /// The last credentials were refused: refresh them.
        fresh_credentials: bool,
    },
    /// The job list is due: get credentials and a start from the budget of its action, then call
    /// [`WaitSet::start_list`]. Until then, [`WaitSet::next`] goes on with polls.
    List {
        /// The last credentials were refused: refresh them.
        fresh_credentials: bool,
    },
    /// A wait has ended and left the set.
    Ended {
        /// The wait, whose key is void now.
        key: WaitKey,
        /// Its job.
        job: JobId,
        /// How it ended.
        outcome: Outcome,
    },
    /// No wait is left.
    Empty,
}

impl WaitSet {
    /// A set of more waits than this uses the job list. Polls alone serve fewer in time.
    pub const LIST_ABOVE: usize = 20;
    /// How long after a poll the list alone is believed that a job is running.
    pub const LIST_TRUST: Duration = Duration::from_secs(300);

    /// Creates an empty set that does not use the job list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty set that uses the job list. The policy is for its faults, and the seed
    /// randomizes the delays after them.
    pub fn with_list(policy: &Policy, seed: u64) -> Self {
        let listing = Some(Box::new(Listing::new(policy, seed)));
        Self { listing, ..Self::default() }
    }

    /// Adds a wait in any state.
    pub fn add(&mut self, waiter: Waiter) -> WaitKey {
        let key = WaitKey(self.next_key);
        self.next_key += 1;
        if let Some(listing) = &mut self.listing {
            listing.add(waiter.job().clone(), key);
        }
        let (polled, end) = (waiter.now, ListedEnd::NotListed);
        let wait = Wait { waiter, first_poll: None, poll: None, limit: None, polled, end };
        self.waits.insert(key, Box::new(wait));
        self.change(key, |_| {});
        key
    }

    /// Returns what to do next: ended waits come before the list, and polls come last. It may be
    /// called at any time.
    pub fn next(&mut self, now: Mono) -> SetStep {
        while let Some(key) = first_due(&self.limits, now) {
            self.update(key, now);
        }
        while let Some(key) = self.ended.pop_front() {
            if let Some(wait) = self.waits.remove(&key) {
                let job = wait.waiter.job().clone();
                if let Some(listing) = &mut self.listing {
                    listing.remove(job.clone(), key);
                }
                return SetStep::Ended { key, job, outcome: wait.waiter.finish() };
            }
        }
        if let Some(fresh_credentials) = self.listing.as_mut().and_then(|list| list.request(now)) {
            return SetStep::List { fresh_credentials };
        }
        let first = first_due(&self.first_polls, now);
        if let Some(key) = first.or_else(|| first_due(&self.polls, now))
            && let Some(wait) = self.waits.get_mut(&key)
            && let Step::Poll { fresh_credentials } = wait.waiter.step(now)
        {
            return SetStep::Poll { key, fresh_credentials };
        }
        let polls = [&self.first_polls, &self.polls].map(first_moment);
        let list = self.listing.as_ref().and_then(|listing| listing.due());
        match polls.into_iter().chain([list, self.next_limit()]).flatten().min() {
            Some(moment) => SetStep::WaitUntil(moment),
            None => SetStep::Empty,
        }
    }

    /// Starts the poll of a wait, as [`Waiter::start`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Waiter::start`]; [`StartError::NotDue`] also for a wait that has left the set.
    pub fn start(
        &mut self,
        key: WaitKey,
        now: Now,
        session: &mut Session,
        credentials: &Credentials,
    ) -> Result<Request<Bytes>, StartError> {
        let started = self.change(key, |wait| {
            let request = wait.waiter.start(now, session, credentials);
            // Saves memory: preparing the request again for its next poll costs little.
            wait.waiter.prepared = None;
            if request.is_ok() {
                wait.polled = now.mono;
                if wait.end == ListedEnd::Listed {
                    wait.end = ListedEnd::Polled;
                }
            }
            request
        });
        started.unwrap_or(Err(StartError::NotDue))
    }

    /// Takes the result of a request, as [`Waiter::answer`]; `None` if the wait has left the set.
    pub fn answer(
        &mut self,
        key: WaitKey,
        now: Now,
        session: &mut Session,
        answer: Result<Response<Bytes>, TransportErrorKind>,
    ) -> Option<Event> {
        self.change(key, |wait| wait.waiter.answer(now, session, answer))
    }

    /// Records that the due poll cannot be started, as [`Waiter::cannot_start`] does.
    pub fn cannot_start(
        &mut self,
        key: WaitKey,
        now: Mono,
        fault: TransportErrorKind,
    ) -> Option<Event> {
        self.change(key, |wait| wait.waiter.cannot_start(now, fault))
    }

    /// Forgets a request that was dropped without an answer: the poll is due again.
    pub fn abandon(&mut self, key: WaitKey) {
        self.change(key, |wait| wait.waiter.abandon());
    }

    /// Cancels a wait: it sends nothing more, and [`next`](Self::next) returns its outcome.
    pub fn cancel(&mut self, key: WaitKey) {
        self.change(key, |wait| wait.waiter.cancel());
    }

    /// Returns the next moment at which the limit of a wait or of an exchange passes.
    pub fn next_limit(&self) -> Option<Mono> {
        first_moment(&self.limits)
    }

    /// Returns a wait of the set.
    pub fn waiter(&self, key: WaitKey) -> Option<&Waiter> {
        self.waits.get(&key).map(|wait| &wait.waiter)
    }

    /// Returns the number of waits in the set.
    pub fn len(&self) -> usize {
        self.waits.len()
    }

    /// Returns whether the set has no waits.
    pub fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    /// Changes a wait and then its entries in the queues.
    fn change<R>(&mut self, key: WaitKey, change: impl FnOnce(&mut Wait) -> R) -> Option<R> {
        let wait = self.waits.get_mut(&key)?;
        let result = change(wait);
        let now = wait.waiter.now;
        self.update(key, now);
        Some(result)
    }

    /// Moves a wait's entries in the queues to where its state now requires them.
    fn update(&mut self, key: WaitKey, now: Mono) {
        let Some(wait) = self.waits.get_mut(&key) else { return };
        if let Step::Done(_) = wait.waiter.step(now) {
            self.ended.push_back(key);
        }
        self.next_place += 1;
        let place = |moment| (moment, self.next_place);
        let (due, limit) = wait.waiter.due_and_limit();
        let list_follows = self.listing.as_ref().is_some_and(|listing| listing.follows(key));
        // The job is done, or nothing is known of it and the list will not show it.
        let is_first = wait.end == ListedEnd::Listed || wait.waiter.is_unseen() && !list_follows;
        let (first, due) = if is_first { (due, None) } else { (None, due) };
        requeue(&mut self.first_polls, key, &mut wait.first_poll, first.map(place));
        requeue(&mut self.polls, key, &mut wait.poll, due.map(place));
        requeue(&mut self.limits, key, &mut wait.limit, limit.map(place));
    }
}

fn first_moment(queue: &Queue) -> Option<Mono> {
    queue.first_key_value().map(|((moment, _), _)| *moment)
}

fn first_due(queue: &Queue, now: Mono) -> Option<WaitKey> {
    queue.first_key_value().filter(|((moment, _), _)| *moment <= now).map(|(_, key)| *key)
}

/// Moves a wait to another place, unless the moment stays the same.
fn requeue(queue: &mut Queue, key: WaitKey, current: &mut Option<Place>, next: Option<Place>) {
    if current.map(|(moment, _)| moment) == next.map(|(moment, _)| moment) {
        return;
    }
    if let Some(place) = current {
        queue.remove(place);
    }
    if let Some(place) = next {
        queue.insert(place, key);
    }
    *current = next;
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        endpoint::Endpoint,
        time::Wall,
        wait::{Policy, outcome::ErrorKind},
    };

    fn at(seconds: u64) -> Now {
        let wall = Wall::from_unix_seconds(1_699_979_400 + seconds as i64);
        Now { wall, mono: Mono::from_origin(Duration::from_secs(seconds)) }
    }

    fn wait(seconds: u64, now: Now) -> Waiter {
        let policy = Policy { max_wait: Duration::from_secs(seconds), ..Policy::default() };
        Waiter::new(JobId::new("4711").unwrap(), &policy, 7, now.mono)
    }

    fn session() -> (Session, Credentials) {
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap();
        (Session::new(Endpoint::international()), credentials)
    }

    #[test]
    fn a_deadline_does_not_queue_behind_polls_that_wait_for_a_start() {
        let mut set = WaitSet::new();
        let patient = set.add(wait(100, at(0)));
        let hasty = set.add(wait(10, at(0)));
        let poll = SetStep::Poll { key: patient, fresh_credentials: false };
        assert_eq!(set.next(at(9).mono), poll);
        assert_eq!(set.next_limit(), Some(at(10).mono));
        let SetStep::Ended { key, outcome, .. } = set.next(at(10).mono) else { panic!() };
        assert_eq!((key, outcome.unwrap_err().kind), (hasty, ErrorKind::TimedOut));
        assert_eq!(set.next(at(10).mono), poll);
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn an_exchange_that_never_ends_ends_at_its_limit() {
        let ((mut session, credentials), mut set) = (session(), WaitSet::new());
        let key = set.add(wait(20, at(0)));
        set.start(key, at(0), &mut session, &credentials).unwrap();
        assert_eq!(set.next(at(20).mono), SetStep::WaitUntil(at(30).mono));
        let SetStep::Ended { outcome, .. } = set.next(at(30).mono) else { panic!() };
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::TimedOut);
        assert_eq!(set.next(at(30).mono), SetStep::Empty);
    }

    #[test]
    fn a_wait_with_a_request_in_flight_or_an_ended_one_may_be_added() {
        let ((mut session, credentials), mut set) = (session(), WaitSet::new());
        let mut under_way = wait(10, at(0));
        under_way.start(at(0), &mut session, &credentials).unwrap();
        let mut ended = wait(10, at(0));
        ended.cancel();
        let (under_way, ended) = (set.add(under_way), set.add(ended));
        assert!(matches!(set.next(at(0).mono), SetStep::Ended { key, .. } if key == ended));
        assert_eq!(set.next(at(20).mono), SetStep::WaitUntil(at(30).mono));
        assert!(matches!(set.next(at(30).mono), SetStep::Ended { key, .. } if key == under_way));
    }

    #[test]
    fn the_key_of_a_wait_that_has_left_is_void() {
        let ((mut session, credentials), mut set) = (session(), WaitSet::new());
        let first = set.add(wait(20, at(0)));
        set.cancel(first);
        set.cancel(first);
        assert!(matches!(set.next(at(0).mono), SetStep::Ended { key, .. } if key == first));
        let second = set.add(wait(20, at(0)));
        assert_ne!(first, second);
        let error = set.start(first, at(0), &mut session, &credentials).unwrap_err();
        assert_eq!(error, StartError::NotDue);
        assert!(set.answer(first, at(0), &mut session, Err(TransportErrorKind::Timeout)).is_none());
        assert!(set.waiter(first).is_none() && set.waiter(second).is_some());
    }

    #[test]
    fn a_wait_leaves_no_entry_behind() {
        let ((mut session, credentials), mut set) = (session(), WaitSet::new());
        for second in 0..100 {
            let key = set.add(wait(1_000_000, at(second)));
            set.start(key, at(second), &mut session, &credentials).unwrap();
            set.answer(key, at(second), &mut session, Err(TransportErrorKind::Timeout));
            assert_eq!((set.polls.len(), set.limits.len()), (1, 1));
            set.cancel(key);
            assert!(matches!(set.next(at(second).mono), SetStep::Ended { .. }));
        }
        assert!(set.is_empty() && set.polls.is_empty() && set.limits.is_empty());
    }
}
