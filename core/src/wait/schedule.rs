//! When a job that is not done is polled again.

use core::time::Duration;

use super::Policy;

/// The reason for the delay before the next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DelayReason {
    /// The interval of the policy.
    Interval,
    /// Before the interval is over, because the progress predicts the end of the job then.
    Progress,
}

/// The plain polls of a wait, whose intervals grow, and polls in between, each aimed at the end
/// that the progress predicts.
///
/// An aimed poll never moves a plain one. So no progress, however misleading, makes a wait end
/// later than without it. All times count from the creation of the wait.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Schedule {
    /// The first answer that showed the job not done.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    running_since: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    next_plain: Duration,
    plain_polls: u32,
    aimed_polls: u32,
    /// The last readings, each higher than the one before it: enough for a parabola.
    readings: [Option<Reading>; 3],
}

/// The progress of an answer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Reading {
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    at: Duration,
    percent: f64,
}

/// The number of moments between two plain polls at which an aimed poll can be.
const MOMENTS: u32 = 100;

impl Schedule {
    /// Takes an answer that shows the job not done. Returns when the next poll is due, and why.
    pub(super) fn next(
        &mut self,
        started: Duration,
        answered: Duration,
        progress: Option<f64>,
        policy: &Policy,
    ) -> (Duration, DelayReason) {
        if started >= self.next_plain {
            self.plan(answered, policy);
            self.plain_polls = self.plain_polls.saturating_add(1);
        }
        let has_changed = self.read(answered, progress);
        // One aimed poll, and one more for every ten plain ones.
        let may_aim = policy.aim_by_progress && self.aimed_polls <= self.plain_polls / 10;
        match self.expected_end(policy).filter(|_| has_changed && may_aim) {
            Some(end) => {
                self.aimed_polls = self.aimed_polls.saturating_add(1);
                (end, DelayReason::Progress)
            }
            None => (self.next_plain, DelayReason::Interval),
        }
    }

    /// Takes a row of the job list that shows the job not done. Returns when the next plain poll is
    /// due, which is one interval later.
    pub(super) fn listed(&mut self, at: Duration, policy: &Policy) -> Duration {
        self.plan(at, policy);
        self.plain_polls = self.plain_polls.max(1);
        self.next_plain
    }

    /// Sets the next plain poll to an interval after this moment.
    fn plan(&mut self, at: Duration, policy: &Policy) {
        if self.plain_polls == 0 {
            self.running_since = at;
        }
        let running = at.saturating_sub(self.running_since);
        self.next_plain = at.saturating_add(policy.interval_after(running));
    }

    /// Keeps the progress if it is possible. Returns whether it differs from the last one.
    fn read(&mut self, at: Duration, progress: Option<f64>) -> bool {
        let Some(percent) = progress else { return false };
        let [.., last] = &self.readings;
        let last = last.as_ref().map(|reading| reading.percent);
        if last == progress {
            return false;
        }
        let is_possible = (0.0..100.0).contains(&percent);
        if !is_possible || last > progress {
            self.readings = Default::default();
        }
        self.readings.rotate_left(1);
        let [.., newest] = &mut self.readings;
        *newest = is_possible.then_some(Reading { at, percent });
        is_possible
    }

    /// Extrapolates the last readings. `None` if the end is not well before the next plain poll.
    fn expected_end(&self, policy: &Policy) -> Option<Duration> {
        let [first, Some(before), Some(last)] = &self.readings else { return None };
        let (speed, gap) = (last.speed_since(before), last.seconds_since(before));
        // The parabola through three readings in the form of Newton; a line through two.
        let bend = first
            .as_ref()
            .map_or(0.0, |first| (speed - before.speed_since(first)) / last.seconds_since(first));
        // A parabola that falls already shows no end.
        let bend = if speed + bend * gap > 0.0 { bend } else { 0.0 };
        let has_ended = |t: f64| {
            let is_highest = speed + bend * (2.0 * t + gap) <= 0.0;
            is_highest || last.percent + (speed + bend * (t + gap)) * t >= 100.0
        };
        let interval = self.next_plain.saturating_sub(last.at);
        let room = interval.checked_sub(policy.poll_interval).filter(|room| !room.is_zero())?;
        let margin = policy.poll_interval / 2;
        // The root of a parabola needs a square root, which `core` does not have for `f64`.
        let mut moments = (0..MOMENTS).map(|n| margin + room * n / MOMENTS);
        moments.find(|t| has_ended(t.as_secs_f64())).map(|t| last.at + t)
    }
}

impl Reading {
    fn seconds_since(&self, earlier: &Self) -> f64 {
        self.at.saturating_sub(earlier.at).as_secs_f64()
    }

    /// Returns the speed in percent per second.
    fn speed_since(&self, earlier: &Self) -> f64 {
        (self.percent - earlier.percent) / self.seconds_since(earlier)
    }
}
