use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use crate::time::Mono;

/// Paces the starts of requests: first come, first served, and on average at least the spacing
/// apart.
///
/// A start that is late by no more than 1/25 of the spacing, such as by the rounding of a timer,
/// does not delay the next one. So two starts may be closer by that much, and any n starts span at
/// least n - 1 spacings less 1/25 of one. A start that is later delays the next one: no burst
/// follows a pause.
///
/// The service accepts 20 requests a second for each action. With a spacing of
/// [`RateBudget::SPACING`] any 21 starts span more than a second. The budget is pure state: to
/// share one between threads, wrap it in a lock, and wake the ticket that [`first`](Self::first)
/// returns after each start and each leave.
///
/// ```
/// use tcss_export_core::{Mono, RateBudget};
///
/// let now = Mono::default();
/// let mut budget = RateBudget::default();
/// let (a, b) = (budget.join(now), budget.join(now));
/// assert_eq!(budget.start(a, now), Ok(()));
/// assert_eq!(budget.start(b, now), Err(now.saturating_add(RateBudget::SPACING)));
/// ```
#[derive(Clone, Debug)]
pub struct RateBudget {
    spacing: Duration,
    /// The earliest next start.
    next_start: Mono,
    /// The tickets that count and when they joined, sorted by ticket.
    queue: VecDeque<(Ticket, Mono)>,
    /// The tickets that missed their turn, which do not count until they ask again.
    idle: BTreeMap<Ticket, Mono>,
    next_number: u64,
}

/// A place in the queue of a [`RateBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

impl RateBudget {
    /// 52.5 ms, which is 1.05 s / 20: the 5 % absorb the jitter of the network.
    pub const SPACING: Duration = Duration::from_micros(52_500);

    /// Creates a budget with a spacing, for an account with another limit.
    pub const fn new(spacing: Duration) -> Self {
        let next_start = Mono::from_origin(Duration::ZERO);
        Self { spacing, next_start, queue: VecDeque::new(), idle: BTreeMap::new(), next_number: 0 }
    }

    /// Joins the end of the queue.
    pub fn join(&mut self, now: Mono) -> Ticket {
        let ticket = Ticket(self.next_number);
        self.next_number += 1;
        self.queue.push_back((ticket, now));
        ticket
    }

    /// Takes a start and leaves the queue, if it is the ticket's turn.
    ///
    /// Earlier tickets that missed their turn become idle: they keep their places, but do not
    /// count until they ask again.
    ///
    /// # Errors
    ///
    /// The moment of its turn, as [`turn`](Self::turn) returns it.
    pub fn start(&mut self, ticket: Ticket, now: Mono) -> Result<(), Mono> {
        let turn = self.turn(ticket, now);
        if now < turn {
            return Err(turn);
        }
        let at = self.position(ticket);
        self.idle.extend(self.queue.drain(..at));
        self.leave(ticket);
        let is_in_time = now.saturating_since(turn) <= self.spacing / 25;
        let start = if is_in_time { turn } else { now };
        self.next_start = start.saturating_add(self.spacing);
        Ok(())
    }

    /// Returns when it is the ticket's turn, which may become earlier when others leave. A ticket
    /// that has left counts as one that joins.
    pub fn turn(&mut self, ticket: Ticket, now: Mono) -> Mono {
        let at = self.position(ticket);
        if let Some(joined) = self.idle.remove(&ticket) {
            self.queue.insert(at, (ticket, joined));
        }
        let first = self.queue.front().map_or(now, |(_, joined)| *joined).max(self.next_start);
        let before = u32::try_from(at).unwrap_or(u32::MAX);
        first.saturating_add(self.spacing.saturating_mul(before))
    }

    /// Leaves the queue.
    pub fn leave(&mut self, ticket: Ticket) {
        self.idle.remove(&ticket);
        let at = self.position(ticket);
        if self.queue.get(at).is_some_and(|(other, _)| *other == ticket) {
            self.queue.remove(at);
        }
    }

    /// Returns the ticket whose turn is next: wake it after each start and each leave.
    pub fn first(&self) -> Option<Ticket> {
        self.queue.front().map(|(ticket, _)| *ticket)
    }

    fn position(&self, ticket: Ticket) -> usize {
        self.queue.partition_point(|(other, _)| *other < ticket)
    }
}

impl Default for RateBudget {
    fn default() -> Self {
        Self::new(Self::SPACING)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn at(micros: u64) -> Mono {
        Mono::from_origin(Duration::from_micros(micros))
    }

    fn micros(moment: Mono) -> u128 {
        moment.since_origin().as_micros()
    }

    fn joined(budget: &mut RateBudget, count: usize, now: Mono) -> Vec<Ticket> {
        (0..count).map(|_| budget.join(now)).collect()
    }

    #[test]
    fn fifty_due_at_once_start_in_order_and_one_spacing_apart() {
        let mut budget = RateBudget::default();
        let tickets = joined(&mut budget, 50, at(0));
        for (nth, ticket) in (0..).zip(tickets) {
            let turn = budget.turn(ticket, at(0));
            assert_eq!(micros(turn), nth * 52_500);
            assert_eq!(budget.start(ticket, turn), Ok(()));
        }
    }

    #[test]
    fn no_burst_follows_a_pause() {
        let mut budget = RateBudget::default();
        let tickets = joined(&mut budget, 3, at(0));
        let hour = 3_600_000_000;
        assert_eq!(budget.start(tickets[0], at(hour)), Ok(()));
        assert_eq!(budget.start(tickets[1], at(hour)), Err(at(hour + 52_500)));
        assert_eq!(budget.start(tickets[1], at(2 * hour)), Ok(()));
        assert_eq!(budget.start(tickets[2], at(2 * hour)), Err(at(2 * hour + 52_500)));
    }

    #[test]
    fn tickets_behind_one_that_leaves_move_up() {
        let mut budget = RateBudget::default();
        let tickets = joined(&mut budget, 201, at(0));
        for ticket in &tickets[..200] {
            budget.leave(*ticket);
        }
        assert_eq!(budget.first(), Some(tickets[200]));
        assert_eq!(budget.start(tickets[200], at(0)), Ok(()));
    }

    #[test]
    fn a_missed_turn_delays_the_next_ticket_by_one_spacing_and_only_once() {
        let mut budget = RateBudget::default();
        let tickets = joined(&mut budget, 3, at(0));
        assert_eq!(budget.start(tickets[1], at(52_499)), Err(at(52_500)));
        assert_eq!(budget.start(tickets[1], at(52_500)), Ok(()));
        assert_eq!(budget.first(), Some(tickets[2]));
        assert_eq!(budget.start(tickets[2], at(105_000)), Ok(()));
        assert_eq!(budget.start(tickets[0], at(105_000)), Err(at(157_500)));
        assert_eq!(budget.start(tickets[0], at(157_500)), Ok(()));
        assert_eq!(budget.first(), None);
    }

    #[test]
    fn a_late_start_delays_the_next_one_only_if_it_is_later_than_a_rounded_timer() {
        for (late, next) in [(0, 52_500), (2_100, 52_500), (2_101, 54_601)] {
            let mut budget = RateBudget::default();
            let tickets = joined(&mut budget, 2, at(0));
            assert_eq!(budget.start(tickets[0], at(late)), Ok(()));
            assert_eq!(micros(budget.turn(tickets[1], at(late))), next, "{late}");
        }
    }

    /// Returns the starts of tasks that come, go and start late at random.
    fn starts(steps: Vec<(u8, usize, u64)>) -> Vec<u64> {
        let mut budget = RateBudget::default();
        let (mut now, mut tickets, mut starts) = (0, Vec::new(), Vec::new());
        for (what, which, pause) in steps {
            now += pause;
            match what {
                0 | 1 => tickets.push(budget.join(at(now))),
                2 if which < tickets.len() => budget.leave(tickets.remove(which)),
                3 if which < tickets.len() && budget.start(tickets[which], at(now)).is_ok() => {
                    tickets.remove(which);
                    starts.push(now);
                }
                _ => {}
            }
        }
        assert_eq!(budget.queue.len() + budget.idle.len(), tickets.len());
        starts
    }

    /// Returns the starts of tasks that always queue. Each wakes so many microseconds late.
    fn starts_of_a_queue(delays: Vec<u64>) -> Vec<u64> {
        let mut budget = RateBudget::default();
        let mut now = 0;
        let start = |late| {
            let ticket = budget.join(at(now));
            now = budget.turn(ticket, at(now)).since_origin().as_micros() as u64 + late;
            assert_eq!(budget.start(ticket, at(now)), Ok(()));
            now
        };
        delays.into_iter().map(start).collect()
    }

    fn assert_law(starts: &[u64]) {
        for (first, start) in starts.iter().enumerate() {
            for (nth, other) in (0..).zip(&starts[first..]) {
                assert!(other - start + 2_100 >= nth * 52_500, "{start}: {starts:?}");
            }
        }
        assert!(starts.windows(21).all(|window| window[20] - window[0] > 1_000_000));
    }

    proptest::proptest! {
        #[test]
        fn any_starts_span_their_spacings_less_the_rounding_of_one_timer(
            steps in proptest::collection::vec((0u8..4, 0usize..8, 0u64..200_000), 1..200),
            delays in proptest::collection::vec(0u64..6_000, 1..100),
        ) {
            assert_law(&starts(steps));
            assert_law(&starts_of_a_queue(delays));
        }
    }

    #[test]
    fn a_timer_that_rounds_up_to_2_ms_costs_no_start() {
        let starts = starts_of_a_queue((0..1_000).map(|nth| nth * 617 % 2_001).collect());
        assert!(starts[999] - starts[0] <= 999 * 52_500 + 2_000, "{}", starts[999]);
    }
}
