//! The walk through the tree of sequences.

use std::{fmt, thread, time::Duration};

use tcss_export::{
    Credentials, Endpoint, Session,
    core::{
        ClockOffset, Mono, Now, RateBudget, Ticket, Wall,
        wait::{Outcome, StartError, Step},
    },
    wait::{Event, EventKind, Policy},
};

use crate::{
    answers::{
        Kind::{self, BadToken, Overdue},
        Told,
    },
    exchange::Exchange,
    rules::{Moment, RULES},
    subject::{Bug, Standing, Subject},
};

/// A rule and a sequence that breaks it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) past: Vec<Exchange>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken rule: {}\nshortest sequence:", self.rule)?;
        (1..).zip(&self.past).try_for_each(|(n, exchange)| write!(f, "\n  {n}. {exchange}"))
    }
}

/// Goes through all sequences of up to `longest` answers, the shorter ones first; returns how many
/// there are.
pub(crate) fn search(policy: &Policy, bug: Bug, longest: usize) -> Result<u64, Violation> {
    (1..=longest).try_fold(0, |_, length| search_to(policy, bug, length))
}

/// Has one thread for each first answer.
fn search_to(policy: &Policy, bug: Bug, length: usize) -> Result<u64, Violation> {
    thread::scope(|scope| {
        let walk = |first| scope.spawn(move || Walk::new(policy).sequences(bug, first, length));
        let walks: Vec<_> = Told::all().map(walk).collect();
        walks.into_iter().map(|walk| walk.join().expect("no panic")).sum()
    })
}

/// One place in the tree: a waiter and what stands around it.
#[derive(Clone)]
struct Node {
    subject: Subject,
    budget: RateBudget,
    offset: ClockOffset,
    now: Duration,
    /// When the request under way, or the last one, was started.
    started: Duration,
    /// When the budget last granted a start, to anybody.
    granted: Option<Duration>,
}

struct Walk<'p> {
    policy: &'p Policy,
    session: Session,
    credentials: Credentials,
    past: Vec<Exchange>,
    kinds: Vec<Kind>,
    sequences: u64,
}

/// 2023-11-14T16:30:00Z.
const TIME: i64 = 1_699_979_400;

/// Wide enough to hold up retries.
const SPACING: Duration = Duration::from_millis(400);

type Checked<T = ()> = Result<T, Violation>;

impl<'p> Walk<'p> {
    fn new(policy: &'p Policy) -> Self {
        let session = Session::new(Endpoint::international());
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
        Self { policy, session, credentials, past: vec![], kinds: vec![], sequences: 0 }
    }

    /// Goes through the sequences that begin with `first`; returns how many there are.
    fn sequences(mut self, bug: Bug, first: Told, length: usize) -> Checked<u64> {
        let mut root = Node {
            subject: Subject::new(self.policy, bug),
            budget: RateBudget::new(SPACING),
            offset: ClockOffset::default(),
            now: Duration::ZERO,
            started: Duration::ZERO,
            granted: None,
        };
        self.rest(&mut root, Duration::ZERO)?;
        self.start(&mut root)?;
        self.follow(root, first, length)?;
        Ok(self.sequences)
    }

    /// Gives one answer to the request under way, and all answers to those that come of it.
    fn follow(&mut self, mut node: Node, told: Told, length: usize) -> Checked {
        self.sequences += 1;
        self.answer(&mut node, told)?;
        if self.rest(&mut node, told.pace.late())? && length > 1 {
            self.start(&mut node)?;
            for next in Told::all() {
                self.follow(node.clone(), next, length - 1)?;
            }
        }
        self.past.pop();
        self.kinds.pop();
        Ok(())
    }

    fn start(&mut self, node: &mut Node) -> Checked {
        let started = self.try_start(node);
        self.require(started.is_ok(), "what is due can be started")?;
        let again = self.try_start(node);
        self.require(again == Err(StartError::NotDue), "one request is under way at a time")?;
        node.started = node.now;
        let limit = Standing::Sleep(node.now + self.policy.exchange_limit);
        let standing = node.subject.step(node.now);
        self.require(standing == limit, "an exchange under way has its limit")
    }

    fn try_start(&mut self, node: &mut Node) -> Result<(), StartError> {
        self.put_back_clock(node.offset);
        let now = now(node.now);
        node.subject.start(now, &mut self.session, &self.credentials).map(|_| ())
    }

    fn answer(&mut self, node: &mut Node, told: Told) -> Checked {
        self.kinds.push(told.kind);
        if told.kind == Overdue {
            node.now = node.started + self.policy.exchange_limit;
            self.note(node, told, None)?;
            node.now += told.pace.took();
            let event = self.hand_over(node);
            return self.require(event.kind == EventKind::Ignored, "a late answer is left aside");
        }
        node.now = node.started + told.pace.took();
        let event = self.hand_over(node);
        self.note(node, told, Some(&event))
    }

    fn hand_over(&mut self, node: &mut Node) -> Event {
        self.put_back_clock(node.offset);
        let event = node.subject.answer(now(node.now), &mut self.session, &self.kinds);
        node.offset = self.session.clock_offset();
        event
    }

    /// Notes what came and checks the rules.
    fn note(&mut self, node: &mut Node, told: Told, event: Option<&Event>) -> Checked {
        let pause = match node.subject.step(node.now) {
            Standing::Sleep(until) => Some(until.saturating_sub(node.now)),
            Standing::Poll { .. } => Some(Duration::ZERO),
            Standing::Ended => None,
        };
        let exchange = Exchange { told, started: node.started, answered: node.now, pause };
        self.past.push(exchange);
        let waiter = node.subject.waiter();
        let moment = Moment {
            policy: self.policy,
            past: &self.past,
            event,
            poll_count: waiter.poll_count(),
            left: self.policy.max_wait.saturating_sub(node.now),
            outcome: outcome(waiter.step(mono(node.now))),
        };
        let has_ended = moment.outcome.is_some();
        let broken = RULES.iter().find(|(_, holds)| !holds(&moment));
        self.require(has_ended == pause.is_none(), ENDED)?;
        broken.map_or(Ok(()), |(rule, _)| self.require(false, rule))
    }

    /// Goes on until a start is granted; tells whether the wait has not ended before.
    fn rest(&self, node: &mut Node, late: Duration) -> Checked<bool> {
        let mut place = None;
        loop {
            match self.standing(node)? {
                Standing::Ended => return self.check_end(node).map(|()| false),
                Standing::Sleep(until) => node.now = until + late,
                Standing::Poll { .. } => {
                    let place = match place {
                        Some(place) => place,
                        None => *place.insert(self.queue_up(node)?),
                    };
                    let Err(turn) = node.budget.start(place, mono(node.now)) else {
                        return self.grant(node).map(|()| true);
                    };
                    let turn = turn.since_origin();
                    self.require(turn > node.now, "a turn that has come is granted")?;
                    node.now = turn.min(self.policy.max_wait);
                }
            }
        }
    }

    /// Asks what is to be done, and checks that it may be done now.
    fn standing(&self, node: &mut Node) -> Checked<Standing> {
        let (now, deadline) = (node.now, self.policy.max_wait);
        let standing = node.subject.step(now);
        self.require(standing == node.subject.step(now), "asking twice changes nothing")?;
        match standing {
            Standing::Ended => {}
            Standing::Sleep(until) => {
                self.require(until > now, "a pause ends later than it begins")?;
                self.require(until <= deadline, "no pause goes beyond the deadline")?;
            }
            Standing::Poll { fresh_credentials } => {
                self.require(now < deadline, "nothing is started at or after the deadline")?;
                self.require(now >= self.due(), "nothing is started before it is due")?;
                let refused = self.kinds.last() == Some(&BadToken);
                self.require(fresh_credentials == refused, FRESH)?;
            }
        }
        Ok(standing)
    }

    fn due(&self) -> Duration {
        let due = |last: &Exchange| last.answered + last.pause.unwrap_or_default();
        self.past.last().map_or(Duration::ZERO, due)
    }

    /// Takes a place behind a rival, who takes his turn if it has come and else lets it go by.
    fn queue_up(&self, node: &mut Node) -> Checked<Ticket> {
        let now = mono(node.now);
        let [rival, place] = [(); 2].map(|()| node.budget.join(now));
        if node.budget.start(rival, now).is_ok() {
            self.grant(node)?;
        }
        Ok(place)
    }

    fn grant(&self, node: &mut Node) -> Checked {
        let is_apart = node.granted.is_none_or(|last| node.now - last >= SPACING);
        node.granted = Some(node.now);
        self.require(is_apart, "no two starts are closer than the spacing")
    }

    /// Checks that nothing moves what has ended.
    fn check_end(&self, node: &Node) -> Checked {
        let mut later = node.clone();
        let ended = outcome(later.subject.waiter().step(mono(node.now))).cloned();
        later.now += Duration::from_secs(3_600);
        let mut session = self.session.clone();
        let start = later.subject.start(now(later.now), &mut session, &self.credentials);
        let event = later.subject.answer(now(later.now), &mut session, &[Kind::Running]);
        let stays = later.subject.step(later.now) == Standing::Ended
            && start.is_err_and(|error| error == StartError::NotDue)
            && event.kind == EventKind::Ignored
            && outcome(later.subject.waiter().step(mono(later.now))) == ended.as_ref();
        self.require(stays, ENDED)
    }

    /// The tree has one session, of which only the clock's offset differs from place to place.
    fn put_back_clock(&mut self, offset: ClockOffset) {
        if self.session.clock_offset() != offset {
            self.session = self.session.clone().with_clock_offset(offset);
        }
    }

    fn require(&self, holds: bool, rule: &'static str) -> Checked {
        if holds { Ok(()) } else { Err(Violation { rule, past: self.past.clone() }) }
    }
}

const FRESH: &str = "fresh credentials are asked for after a refused token and only then";
const ENDED: &str = "what has ended stays ended, and nothing is polled";

fn outcome(step: Step<'_>) -> Option<&Outcome> {
    match step {
        Step::Done(outcome) => Some(outcome),
        _ => None,
    }
}

fn mono(since_origin: Duration) -> Mono {
    Mono::from_origin(since_origin)
}

fn now(mono: Duration) -> Now {
    let millis = i64::try_from(mono.as_millis()).expect("a short wait");
    let wall = Wall::from_unix_millis(TIME * 1_000 + millis);
    Now { wall, mono: Mono::from_origin(mono) }
}
