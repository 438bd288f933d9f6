//! The search through the tree of sequences.

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
        Exchange,
        Kind::{self, BadToken, Overdue},
        Reply,
    },
    rules::{Moment, RULES},
    waiter_under_test::{Bug, NextStep, WaiterUnderTest},
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

/// Tries all sequences of up to `longest` answers, shorter ones first, and returns their number.
pub(crate) fn search(policy: &Policy, bug: Bug, longest: usize) -> Result<u64, Violation> {
    (1..=longest).try_fold(0, |_, length| search_to(policy, bug, length))
}

/// Tries all sequences of up to `length` answers, with one thread for each first answer.
fn search_to(policy: &Policy, bug: Bug, length: usize) -> Result<u64, Violation> {
    thread::scope(|scope| {
        let search = |first| scope.spawn(move || Search::new(policy).sequences(bug, first, length));
        let threads: Vec<_> = Reply::all().map(search).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}

/// A node of the tree: a waiter, its clock and its budget.
#[derive(Clone)]
struct Node {
    waiter: WaiterUnderTest,
    budget: RateBudget,
    offset: ClockOffset,
    now: Duration,
    /// When the current or the last request started.
    started: Duration,
    /// When the budget last granted a start, to this waiter or to another.
    granted: Option<Duration>,
}

struct Search<'p> {
    policy: &'p Policy,
    session: Session,
    credentials: Credentials,
    past: Vec<Exchange>,
    kinds: Vec<Kind>,
    sequences: u64,
}

/// 2023-11-14T16:30:00Z.
const TIME: i64 = 1_699_979_400;

/// Long enough to delay retries.
const SPACING: Duration = Duration::from_millis(400);

type Checked<T = ()> = Result<T, Violation>;

impl<'p> Search<'p> {
    fn new(policy: &'p Policy) -> Self {
        let session = Session::new(Endpoint::international());
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
        Self { policy, session, credentials, past: vec![], kinds: vec![], sequences: 0 }
    }

    /// Tries the sequences that begin with `first`, and returns their number.
    fn sequences(mut self, bug: Bug, first: Reply, length: usize) -> Checked<u64> {
        let mut root = Node {
            waiter: WaiterUnderTest::new(self.policy, bug),
            budget: RateBudget::new(SPACING),
            offset: ClockOffset::default(),
            now: Duration::ZERO,
            started: Duration::ZERO,
            granted: None,
        };
        self.until_start(&mut root, Duration::ZERO)?;
        self.start(&mut root)?;
        self.follow(root, first, length)?;
        Ok(self.sequences)
    }

    /// Answers the current request, and tries every answer to the next one.
    fn follow(&mut self, mut node: Node, reply: Reply, length: usize) -> Checked {
        self.sequences += 1;
        self.answer(&mut node, reply)?;
        if self.until_start(&mut node, reply.pace.late())? && length > 1 {
            self.start(&mut node)?;
            for next in Reply::all() {
                self.follow(node.clone(), next, length - 1)?;
            }
        }
        self.past.pop();
        self.kinds.pop();
        Ok(())
    }

    fn start(&mut self, node: &mut Node) -> Checked {
        let started = self.try_start(node);
        self.require(started.is_ok(), "a poll that is due can start")?;
        let again = self.try_start(node);
        self.require(again == Err(StartError::NotDue), "only one request is in flight at a time")?;
        node.started = node.now;
        let limit = NextStep::Sleep(node.now + self.policy.exchange_limit);
        let next = node.waiter.step(node.now);
        self.require(next == limit, "a request in flight has its exchange limit")
    }

    fn try_start(&mut self, node: &mut Node) -> Result<(), StartError> {
        self.restore_clock_offset(node.offset);
        let now = now(node.now);
        node.waiter.start(now, &mut self.session, &self.credentials).map(|_| ())
    }

    fn answer(&mut self, node: &mut Node, reply: Reply) -> Checked {
        self.kinds.push(reply.kind);
        if reply.kind == Overdue {
            node.now = node.started + self.policy.exchange_limit;
            self.record(node, reply, None)?;
            node.now += reply.pace.duration();
            let event = self.pass_answer(node);
            return self.require(event.kind == EventKind::Ignored, "a late answer is ignored");
        }
        node.now = node.started + reply.pace.duration();
        let event = self.pass_answer(node);
        self.record(node, reply, Some(&event))
    }

    fn pass_answer(&mut self, node: &mut Node) -> Event {
        self.restore_clock_offset(node.offset);
        let event = node.waiter.answer(now(node.now), &mut self.session, &self.kinds);
        node.offset = self.session.clock_offset();
        event
    }

    /// Records an exchange and checks the rules.
    fn record(&mut self, node: &mut Node, reply: Reply, event: Option<&Event>) -> Checked {
        let pause = match node.waiter.step(node.now) {
            NextStep::Sleep(until) => Some(until.saturating_sub(node.now)),
            NextStep::Poll { .. } => Some(Duration::ZERO),
            NextStep::Ended => None,
        };
        let exchange = Exchange { reply, started: node.started, answered: node.now, pause };
        self.past.push(exchange);
        let waiter = node.waiter.inner();
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

    /// Advances the clock until the budget grants a start. Returns `false` if the wait ended
    /// before.
    fn until_start(&self, node: &mut Node, late: Duration) -> Checked<bool> {
        let mut ticket = None;
        loop {
            match self.next_step(node)? {
                NextStep::Ended => return self.check_end(node).map(|()| false),
                NextStep::Sleep(until) => node.now = until + late,
                NextStep::Poll { .. } => {
                    let ticket = match ticket {
                        Some(ticket) => ticket,
                        None => *ticket.insert(self.queue_up(node)?),
                    };
                    let Err(turn) = node.budget.start(ticket, mono(node.now)) else {
                        return self.grant(node).map(|()| true);
                    };
                    let turn = turn.since_origin();
                    self.require(
                        turn > node.now,
                        "the budget grants a start at the time that it named",
                    )?;
                    node.now = turn.min(self.policy.max_wait);
                }
            }
        }
    }

    /// Returns the next step, and checks that it is permitted now.
    fn next_step(&self, node: &mut Node) -> Checked<NextStep> {
        let (now, deadline) = (node.now, self.policy.max_wait);
        let next = node.waiter.step(now);
        self.require(next == node.waiter.step(now), "repeating a step changes nothing")?;
        match next {
            NextStep::Ended => {}
            NextStep::Sleep(until) => {
                self.require(until > now, "a pause ends later than it begins")?;
                self.require(until <= deadline, "no pause ends after the deadline")?;
            }
            NextStep::Poll { fresh_credentials } => {
                self.require(now < deadline, "no poll starts at or after the deadline")?;
                self.require(now >= self.due(), "no poll starts before it is due")?;
                let refused = self.kinds.last() == Some(&BadToken);
                self.require(fresh_credentials == refused, FRESH)?;
            }
        }
        Ok(next)
    }

    fn due(&self) -> Duration {
        let due = |last: &Exchange| last.answered + last.pause.unwrap_or_default();
        self.past.last().map_or(Duration::ZERO, due)
    }

    /// Joins the queue of the budget behind another waiter, which starts if it can and gives up
    /// otherwise.
    fn queue_up(&self, node: &mut Node) -> Checked<Ticket> {
        let now = mono(node.now);
        let [other, ticket] = [(); 2].map(|()| node.budget.join(now));
        if node.budget.start(other, now).is_ok() {
            self.grant(node)?;
        }
        Ok(ticket)
    }

    fn grant(&self, node: &mut Node) -> Checked {
        // A start that is late by up to 1/25 of the spacing does not delay the next one.
        let shortest = SPACING - SPACING / 25;
        let is_apart = node.granted.is_none_or(|last| node.now - last >= shortest);
        node.granted = Some(node.now);
        self.require(is_apart, "two starts are a spacing apart")
    }

    /// Checks that an ended wait stays ended.
    fn check_end(&self, node: &Node) -> Checked {
        let mut later = node.clone();
        let ended = outcome(later.waiter.inner().step(mono(node.now))).cloned();
        later.now += Duration::from_secs(3_600);
        let mut session = self.session.clone();
        let start = later.waiter.start(now(later.now), &mut session, &self.credentials);
        let event = later.waiter.answer(now(later.now), &mut session, &[Kind::Running]);
        let stays = later.waiter.step(later.now) == NextStep::Ended
            && start.is_err_and(|error| error == StartError::NotDue)
            && event.kind == EventKind::Ignored
            && outcome(later.waiter.inner().step(mono(later.now))) == ended.as_ref();
        self.require(stays, ENDED)
    }

    /// All nodes share one session; only its clock offset differs between them.
    fn restore_clock_offset(&mut self, offset: ClockOffset) {
        if self.session.clock_offset() != offset {
            self.session = self.session.clone().with_clock_offset(offset);
        }
    }

    fn require(&self, holds: bool, rule: &'static str) -> Checked {
        if holds { Ok(()) } else { Err(Violation { rule, past: self.past.clone() }) }
    }
}

const FRESH: &str = "fresh credentials are requested only after a refused token";
const ENDED: &str = "an ended wait stays ended and never polls";

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
