//! A wait set with a virtual clock, a rate budget and answers in flight.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    core::{
        Mono, Now, RateBudget, Ticket, Wall,
        wait::{Outcome, SetStep, WaitKey, WaitSet, Waiter},
    },
    wait::{self, Event, EventKind, Policy},
};

use crate::{
    random::Random,
    script::{Reply, Script, latency},
    with::with,
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) jobs: usize,
    pub(crate) max_wait: Duration,
    pub(crate) seed: u64,
}

/// Everything that happened in a run.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    seed: u64,
    limits: [Duration; 2],
    starts: Vec<Start>,
    ends: Vec<End>,
}

#[derive(Debug, PartialEq)]
struct Start {
    at: Duration,
    job: usize,
    /// The request on the wire.
    bytes: Vec<u8>,
}

#[derive(Debug, PartialEq)]
struct End {
    at: Duration,
    outcome: Outcome,
    fits_script: bool,
    polls: usize,
    was_in_flight: bool,
}

struct Job {
    script: Script,
    polls: usize,
    /// Its place in the queue, if it has one.
    due: Option<Due>,
}

/// Whether the job was polled before, when its poll is due, and how many polls were queued before
/// it.
type Due = (bool, Duration, usize);

struct Simulation {
    setting: Setting,
    policy: Policy,
    random: Random,
    now: Duration,
    set: WaitSet,
    session: Session,
    credentials: Credentials,
    budget: RateBudget,
    ticket: Option<Ticket>,
    jobs: BTreeMap<WaitKey, (usize, Job)>,
    /// Polls that are or will be due, in the order in which they must start.
    queue: BTreeSet<Due>,
    due_count: usize,
    /// Replies in flight, by the time of their arrival.
    in_flight: BTreeMap<(Duration, WaitKey), Reply>,
    run: Run,
}

/// 2023-11-14T16:30:00Z.
const TIME: i64 = 1_699_979_400_000;

impl Setting {
    pub(crate) fn run(self) -> Run {
        let mut simulation = Simulation::new(self);
        (0..self.jobs).for_each(|job| simulation.add(job));
        while simulation.advance() {}
        simulation.run
    }
}

impl Simulation {
    fn new(setting: Setting) -> Self {
        let policy = with(Policy::default(), |p| p.max_wait = setting.max_wait);
        let limits = [policy.max_wait, policy.max_wait + policy.exchange_limit];
        Self {
            setting,
            policy,
            random: Random(setting.seed),
            now: Duration::ZERO,
            set: WaitSet::new(),
            session: Session::new(Endpoint::international()),
            credentials: Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain"),
            budget: RateBudget::default(),
            ticket: None,
            jobs: BTreeMap::new(),
            queue: BTreeSet::new(),
            due_count: 0,
            in_flight: BTreeMap::new(),
            run: Run { seed: setting.seed, limits, starts: vec![], ends: vec![] },
        }
    }

    fn add(&mut self, number: usize) {
        let id = JobId::new(format!("job-{number}")).expect("a text");
        let seed = self.random.next();
        let key = self.set.add(Waiter::new(id, &self.policy, seed, self.mono()));
        let script = Script::random(number, &mut self.random);
        self.jobs.insert(key, (number, Job { script, polls: 0, due: None }));
        self.set_due(key, self.now);
    }

    /// Handles one event or lets time pass, and returns whether any wait is left.
    fn advance(&mut self) -> bool {
        if self.deliver() {
            return true;
        }
        let wake = match self.set.next(self.mono()) {
            SetStep::Empty => return false,
            SetStep::Ended { key, outcome, .. } => {
                self.ended(key, outcome);
                return true;
            }
            SetStep::List { .. } => unreachable!("the set has no list"),
            SetStep::WaitUntil(moment) => moment,
            SetStep::Poll { key, .. } => match self.grant() {
                Ok(()) => {
                    self.start(key);
                    return true;
                }
                Err(turn) => self.set.next_limit().map_or(turn, |limit| limit.min(turn)),
            },
        };
        assert!(wake > self.mono(), "seed {}: woken too early", self.setting.seed);
        let arrival = self.in_flight.keys().next().map(|(at, _)| *at);
        let wake = wake.since_origin();
        self.now = arrival.map_or(wake, |at| at.min(wake));
        self.oversleep();
        let [_, latest] = self.run.limits;
        assert!(self.now <= latest, "seed {}: a wait runs past its limit", self.setting.seed);
        true
    }

    /// Sometimes wakes late, as a suspended process does, but before any wait would end late.
    fn oversleep(&mut self) {
        let late = self.now + Duration::from_millis(self.random.below(3_000));
        let limit = self.set.next_limit().map_or(late, Mono::since_origin);
        if self.random.below(200) == 0 && late < limit {
            self.now = late;
        }
    }

    /// Passes the next answer that has arrived to the set.
    fn deliver(&mut self) -> bool {
        let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now)
        else {
            return false;
        };
        let ((_, key), reply) = entry.remove_entry();
        let Some((number, _)) = self.jobs.get(&key) else { return true };
        let answer = reply.answer(*number).expect("silence is never in flight");
        let now = self.now();
        if let Some(event) = self.set.answer(key, now, &mut self.session, answer) {
            self.queue_next_poll(key, &event);
        }
        true
    }

    /// Queues the next poll after an event.
    fn queue_next_poll(&mut self, key: WaitKey, event: &Event) {
        match event.kind {
            // No poll is due after the deadline.
            _ if self.now >= self.setting.max_wait => {}
            EventKind::Waiting { delay, .. } | EventKind::Retrying { delay, .. } => {
                self.set_due(key, self.now + delay);
            }
            _ => {}
        }
    }

    fn set_due(&mut self, key: WaitKey, due: Duration) {
        if let Some((_, job)) = self.jobs.get_mut(&key) {
            let due = (job.polls > 0, due, self.due_count);
            self.due_count += 1;
            job.due = Some(due);
            self.queue.insert(due);
        }
    }

    /// Asks the budget for one start, for any job.
    fn grant(&mut self) -> Result<(), Mono> {
        let now = self.mono();
        let ticket = *self.ticket.get_or_insert_with(|| self.budget.join(now));
        self.budget.start(ticket, now)?;
        self.ticket = None;
        Ok(())
    }

    /// Starts a poll, and checks that it was the first in the queue.
    fn start(&mut self, key: WaitKey) {
        let now = self.now();
        let request = self.set.start(key, now, &mut self.session, &self.credentials);
        let bytes = wire(&request.expect("a poll is due"));
        let (number, job) = self.jobs.get_mut(&key).expect("a wait of the set");
        self.run.starts.push(Start { at: self.now, job: *number, bytes });
        let reply = job.script.at(job.polls);
        job.polls += 1;
        // `None` after an exchange reached its limit: only the set knows when the next poll is due.
        if let Some(due) = job.due.take() {
            let (first, seed) = (self.queue.pop_first(), self.setting.seed);
            assert_eq!(first, Some(due), "seed {seed}: job {number} is not first in the queue");
        }
        let latency = latency(&mut self.random);
        if reply != Reply::Silence {
            self.in_flight.insert((self.now + latency, key), reply);
        }
    }

    fn ended(&mut self, key: WaitKey, outcome: Outcome) {
        let (_, job) = self.jobs.remove(&key).expect("a wait ends once");
        if let Some(due) = job.due {
            self.queue.remove(&due);
        }
        self.run.ends.push(End {
            at: self.now,
            fits_script: job.script.fits(&outcome) && job.polls == job.script.polls(),
            outcome,
            polls: job.polls,
            was_in_flight: job.due.is_none(),
        });
    }

    fn mono(&self) -> Mono {
        Mono::from_origin(self.now)
    }

    fn now(&self) -> Now {
        let millis = i64::try_from(self.now.as_millis()).expect("a short run");
        Now { wall: Wall::from_unix_millis(TIME + millis), mono: self.mono() }
    }
}

fn wire(request: &Request<Bytes>) -> Vec<u8> {
    let mut bytes = format!("{} {}\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(request.body());
    bytes
}

impl Run {
    /// Asserts that two starts are a spacing apart, less the lateness that delays no other start.
    pub(crate) fn assert_spacing(&self) {
        let shortest = RateBudget::SPACING - RateBudget::SPACING / 25;
        for pair in self.starts.windows(2) {
            let gap = pair[1].at - pair[0].at;
            assert!(gap >= shortest, "seed {}: {gap:?} before {pair:?}", self.seed);
        }
    }

    pub(crate) fn assert_no_second_holds_more_than_20_starts(&self) {
        for window in self.starts.windows(21) {
            let second = window[20].at - window[0].at;
            assert!(second >= Duration::from_secs(1), "seed {}: 21 in {second:?}", self.seed);
        }
    }

    /// Asserts that each wait ends as its script says, at its deadline, or with the exchange that
    /// was in flight at its deadline.
    pub(crate) fn assert_ends(&self) {
        let [deadline, latest] = self.limits;
        for end in &self.ends {
            let report = match &end.outcome {
                Ok(finished) => &finished.report,
                Err(error) => &error.report,
            };
            let in_time = if end.was_in_flight {
                (deadline..=latest).contains(&end.at)
            } else {
                end.at == deadline
            };
            let fits = if has_timed_out(end) { in_time } else { end.fits_script };
            assert!(fits && end.at <= latest, "seed {}: {end:?}", self.seed);
            assert_eq!((report.polls as usize, report.elapsed), (end.polls, end.at), "{end:?}");
        }
        assert!(self.starts.iter().all(|start| start.at < deadline), "seed {}", self.seed);
    }

    pub(crate) fn timed_out(&self) -> usize {
        self.ends.iter().filter(|end| has_timed_out(end)).count()
    }
}

fn has_timed_out(end: &End) -> bool {
    end.outcome.as_ref().is_err_and(|error| error.kind == wait::ErrorKind::TimedOut)
}
