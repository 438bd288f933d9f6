mod moments;
mod slots;

use alloc::collections::VecDeque;

use bytes::Bytes;
use http::{Request, Response};

pub use self::slots::WaitKey;
use self::{moments::Moments, slots::Slots};
use crate::{
    credentials::Credentials,
    event::Event,
    job_id::JobId,
    outcome::{Outcome, SendFault},
    session::Session,
    time::{Mono, Now},
    waiter::{StartError, Step, Waiter},
};

/// Any number of waits in the order in which their polls are due.
///
/// Adding, starting, answering, ending and finding the next moment take O(log n) at worst.
/// Deadlines are kept apart from polls, so that a wait whose poll queues for a start ends in time
/// all the same. Like a [`Waiter`] it sends nothing and knows no budget: ask [`next`](Self::next).
///
/// A wait's deadline counts from its creation. At 20 starts a second one round over 10,000 jobs
/// takes 500 s, so choose [`Policy::with_max_wait`](crate::Policy::with_max_wait) with that in
/// mind.
///
/// ```
/// use tcss_export_core::*;
/// # fn poll(_: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, SendFault> {
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
///         SetStep::WaitUntil(_moment) => {} // sleep
///         SetStep::Empty => break,
///     }
/// }
/// assert_eq!(files.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct WaitSet {
    waits: Slots,
    /// When polls are due.
    polls: Moments,
    /// When something ends by itself: a deadline, the limit of an exchange.
    limits: Moments,
    ended: VecDeque<WaitKey>,
}

/// What to do next with a set.
#[derive(Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum SetStep {
    /// Nothing until this moment, or until an answer under way is there.
    WaitUntil(Mono),
    /// The poll that has been due for longest: get credentials and a start, then
    /// [`WaitSet::start`]. Meanwhile ask again at [`WaitSet::next_limit`].
    Poll {
        /// The wait.
        key: WaitKey,
        /// The last credentials were refused: ask their source again.
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
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a wait, whatever it is in: waiting, with a request under way, or ended.
    pub fn add(&mut self, waiter: Waiter) -> WaitKey {
        let (now, deadline, limit) = (waiter.now(), waiter.deadline(), waiter.limit());
        let key = self.waits.add(waiter);
        self.note_limit(deadline, key);
        if let Some(limit) = limit {
            self.note_limit(limit, key);
        }
        self.settle(key, now);
        key
    }

    /// Returns what to do next; it may be asked at any time, as often as one likes.
    ///
    /// What has ended comes first, however many polls are due.
    pub fn next(&mut self, now: Mono) -> SetStep {
        self.pass_limits(now);
        if let Some(ended) = self.pop_ended() {
            return ended;
        }
        while let Some((at, key)) = self.polls.first() {
            if !is_scheduled(&self.waits, key, at) {
                self.polls.pop();
            } else if at > now {
                break;
            } else if let Some(Step::Poll { fresh_credentials }) = self.step(key, now) {
                return SetStep::Poll { key, fresh_credentials };
            } else {
                self.settle(key, now);
            }
        }
        if let Some(ended) = self.pop_ended() {
            return ended;
        }
        let next_poll = self.polls.first().map(|(at, _)| at);
        match [next_poll, self.next_limit()].into_iter().flatten().min() {
            Some(moment) => SetStep::WaitUntil(moment),
            None => SetStep::Empty,
        }
    }

    /// Starts the poll of a wait, as [`Waiter::start`] does.
    ///
    /// # Errors
    ///
    /// As there; [`StartError::NotDue`] also for a wait that has left the set.
    pub fn start(
        &mut self,
        key: WaitKey,
        now: Now,
        session: &mut Session,
        credentials: &Credentials,
    ) -> Result<Request<Bytes>, StartError> {
        let waiter = self.waiter_mut(key).ok_or(StartError::NotDue)?;
        let request = waiter.start(now, session, credentials);
        // A set is about memory; hashing the request anew at its next poll costs next to nothing.
        waiter.forget_prepared();
        if request.is_ok()
            && let Step::WaitUntil(limit) = waiter.step(now.mono)
        {
            self.note_limit(limit, key);
        }
        self.settle(key, now.mono);
        request
    }

    /// Takes what came of a request under way, as [`Waiter::answer`] does; `None` for a wait that
    /// has left the set.
    pub fn answer(
        &mut self,
        key: WaitKey,
        now: Now,
        session: &mut Session,
        answer: Result<Response<Bytes>, SendFault>,
    ) -> Option<Event> {
        let event = self.waiter_mut(key)?.answer(now, session, answer);
        self.settle(key, now.mono);
        Some(event)
    }

    /// Tells it that the poll which is due cannot be started, as [`Waiter::cannot_start`] does.
    pub fn cannot_start(&mut self, key: WaitKey, now: Mono, fault: SendFault) -> Option<Event> {
        let event = self.waiter_mut(key)?.cannot_start(now, fault);
        self.settle(key, now);
        Some(event)
    }

    /// Forgets the request under way, which was dropped without an answer: the poll is due again.
    pub fn abandon(&mut self, key: WaitKey) {
        if let Some(waiter) = self.waiter_mut(key) {
            waiter.abandon();
            self.schedule(key);
        }
    }

    /// Ends a wait where it stands: nothing more is sent for it, and [`next`](Self::next) gives
    /// its outcome.
    pub fn cancel(&mut self, key: WaitKey) {
        if let Some(waiter) = self.waiter_mut(key) {
            waiter.cancel();
            let now = waiter.now();
            self.settle(key, now);
        }
    }

    /// Returns the next moment at which a wait may end by itself.
    pub fn next_limit(&mut self) -> Option<Mono> {
        while let Some((at, key)) = self.limits.first() {
            if is_limit(&self.waits, key, at) {
                return Some(at);
            }
            self.limits.pop();
        }
        None
    }

    /// Returns a wait of the set.
    #[must_use]
    pub fn waiter(&self, key: WaitKey) -> Option<&Waiter> {
        self.waits.get(key).map(|wait| &wait.waiter)
    }

    /// Returns how many waits are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waits.len()
    }

    /// Whether no wait is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn pop_ended(&mut self) -> Option<SetStep> {
        while let Some(key) = self.ended.pop_front() {
            if let Some(wait) = self.waits.remove(key) {
                let job = wait.waiter.job().clone();
                return Some(SetStep::Ended { key, job, outcome: wait.waiter.finish() });
            }
        }
        None
    }

    /// Lets deadlines and limits of exchanges take effect.
    fn pass_limits(&mut self, now: Mono) {
        while let Some((_, key)) = self.limits.first().filter(|(at, _)| *at <= now) {
            self.limits.pop();
            self.settle(key, now);
        }
    }

    /// Notes where a wait stands after something has happened to it.
    fn settle(&mut self, key: WaitKey, now: Mono) {
        match self.step(key, now) {
            Some(Step::Done(_)) => self.ended.push_back(key),
            Some(_) => self.schedule(key),
            None => {}
        }
    }

    fn schedule(&mut self, key: WaitKey) {
        let Some(wait) = self.waits.get_mut(key) else { return };
        let due = wait.waiter.due();
        if wait.scheduled == due {
            return;
        }
        wait.scheduled = due;
        if let Some(due) = due {
            self.polls.note(due, key);
            let Self { polls, waits, .. } = self;
            polls.sweep(waits.len(), |at, key| is_scheduled(waits, key, at));
        }
    }

    fn note_limit(&mut self, at: Mono, key: WaitKey) {
        self.limits.note(at, key);
        let Self { limits, waits, .. } = self;
        limits.sweep(waits.len(), |at, key| is_limit(waits, key, at));
    }

    fn waiter_mut(&mut self, key: WaitKey) -> Option<&mut Waiter> {
        self.waits.get_mut(key).map(|wait| &mut wait.waiter)
    }

    fn step(&mut self, key: WaitKey, now: Mono) -> Option<Step<'_>> {
        Some(self.waiter_mut(key)?.step(now))
    }
}

fn is_scheduled(waits: &Slots, key: WaitKey, at: Mono) -> bool {
    waits.get(key).is_some_and(|wait| wait.scheduled == Some(at))
}

fn is_limit(waits: &Slots, key: WaitKey, at: Mono) -> bool {
    let waiter = waits.get(key).map(|wait| &wait.waiter);
    waiter.is_some_and(|waiter| waiter.deadline() == at || waiter.limit() == Some(at))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{endpoint::Endpoint, outcome::WaitErrorKind, policy::Policy, time::Wall};

    fn at(seconds: u64) -> Now {
        let wall = Wall::from_unix_seconds(1_699_979_400 + seconds as i64);
        Now { wall, mono: Mono::from_origin(Duration::from_secs(seconds)) }
    }

    fn wait(seconds: u64, now: Now) -> Waiter {
        let policy = Policy::default().with_max_wait(Duration::from_secs(seconds));
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
        assert_eq!((key, outcome.unwrap_err().kind), (hasty, WaitErrorKind::TimedOut));
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
        assert_eq!(outcome.unwrap_err().kind, WaitErrorKind::TimedOut);
        assert_eq!(set.next(at(30).mono), SetStep::Empty);
    }

    #[test]
    fn a_wait_that_is_under_way_or_has_ended_may_be_added() {
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
    fn a_key_of_a_wait_that_left_is_void() {
        let ((mut session, credentials), mut set) = (session(), WaitSet::new());
        let first = set.add(wait(20, at(0)));
        set.cancel(first);
        set.cancel(first);
        assert!(matches!(set.next(at(0).mono), SetStep::Ended { key, .. } if key == first));
        let second = set.add(wait(20, at(0)));
        assert_ne!(first, second);
        let error = set.start(first, at(0), &mut session, &credentials).unwrap_err();
        assert_eq!(error, StartError::NotDue);
        assert!(set.answer(first, at(0), &mut session, Err(SendFault::Timeout)).is_none());
        assert!(set.waiter(first).is_none() && set.waiter(second).is_some());
    }

    #[test]
    fn entries_that_waits_leave_behind_are_bounded() {
        let ((mut session, credentials), mut set) = (session(), WaitSet::new());
        for second in 0..10_000 {
            let key = set.add(wait(1_000_000, at(second)));
            set.start(key, at(second), &mut session, &credentials).unwrap();
            set.answer(key, at(second), &mut session, Err(SendFault::Timeout));
            set.cancel(key);
            assert!(matches!(set.next(at(second).mono), SetStep::Ended { .. }));
        }
        assert_eq!(set.len(), 0);
        assert!(set.polls.len() <= 68 && set.limits.len() <= 68);
    }
}
