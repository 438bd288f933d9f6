//! How many requests of one action a key starts within a second.

use std::collections::BTreeMap;
use std::time::Duration;

use super::seen::{Seen, SeenAnswer};

const SECOND: Duration = Duration::from_secs(1);
pub(super) const THROTTLED: &str = "RequestLimitExceeded";

/// The requests of one action with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Starts {
    /// The X-TC-Action.
    pub action: String,
    /// The SecretId that the requests name.
    pub secret_id: String,
    /// The number of requests, whatever their answers.
    pub requests: usize,
    /// The number of requests that were refused with `RequestLimitExceeded` by a check.
    pub throttled: usize,
    /// The largest number of requests within any second, whatever their answers.
    pub most_in_a_second: usize,
}

/// Counts the requests to the API, in the order of their actions and keys.
pub(super) fn count(seen: &[Seen]) -> Vec<Starts> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for seen in seen {
        if let (Some(action), Some(secret_id)) = (&seen.action, &seen.secret_id) {
            groups.entry((action, secret_id)).or_default().push(seen);
        }
    }
    let counted = |((action, secret_id), seen): ((&String, &String), Vec<&Seen>)| Starts {
        action: action.clone(),
        secret_id: secret_id.clone(),
        requests: seen.len(),
        throttled: seen.iter().filter(|seen| is_throttled(seen)).count(),
        most_in_a_second: most_in_a_second(&seen),
    };
    groups.into_iter().map(counted).collect()
}

fn is_throttled(seen: &Seen) -> bool {
    matches!(&seen.answer, SeenAnswer::Refused { code } if code == THROTTLED)
}

fn most_in_a_second(seen: &[&Seen]) -> usize {
    // The requests are in the order of their times.
    let up_to = |(index, last): (usize, &&Seen)| {
        index + 1 - seen.partition_point(|seen| !is_recent(seen, last.at))
    };
    seen.iter().enumerate().map(up_to).max().unwrap_or_default()
}

fn is_recent(seen: &Seen, now: Duration) -> bool {
    now.saturating_sub(seen.at) < SECOND
}

/// Counts the requests of an action with a key that no check refused, within the second before
/// `now`.
pub(super) fn accepted(
    seen: &[Seen],
    action: Option<&str>,
    secret_id: Option<&str>,
    now: Duration,
) -> u64 {
    let recent = seen.iter().rev().take_while(|seen| is_recent(seen, now));
    let is_counted = |seen: &&Seen| {
        seen.action.as_deref() == action
            && seen.secret_id.as_deref() == secret_id
            && !matches!(seen.answer, SeenAnswer::Refused { .. })
    };
    recent.filter(is_counted).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a request that arrived after this many milliseconds.
    fn at(millis: u64, action: &str, secret_id: &str, answer: SeenAnswer) -> Seen {
        Seen {
            at: Duration::from_millis(millis),
            method: "POST".to_owned(),
            action: Some(action.to_owned()),
            secret_id: Some(secret_id.to_owned()),
            job_id: None,
            timestamp: None,
            download: None,
            answer,
        }
    }

    fn listed(millis: impl IntoIterator<Item = u64>) -> Vec<Seen> {
        millis.into_iter().map(|millis| at(millis, "List", "AKIDA", SeenAnswer::Listed)).collect()
    }

    fn throttled() -> SeenAnswer {
        SeenAnswer::Refused { code: "RequestLimitExceeded".to_owned() }
    }

    #[track_caller]
    fn assert_most(millis: &[u64], expected: usize) {
        let counted: Vec<_> = count(&listed(millis.iter().copied()));
        assert_eq!(counted[0].most_in_a_second, expected);
    }

    #[test]
    fn a_second_may_begin_at_any_request() {
        assert_most(&[0, 900, 1_000, 1_800, 1_899, 5_000], 4);
    }

    #[test]
    fn requests_a_second_apart_are_not_in_one_second() {
        assert_most(&[0, 1_000, 2_000], 1);
        assert_most(&[0, 999, 1_998], 2);
    }

    #[test]
    fn requests_at_one_time_are_in_one_second() {
        assert_most(&[7, 7, 7], 3);
    }

    #[test]
    fn each_action_and_each_key_is_counted_alone() {
        let seen = [
            at(0, "List", "AKIDB", SeenAnswer::Listed),
            at(1, "Create", "AKIDA", SeenAnswer::Listed),
            at(2, "List", "AKIDA", SeenAnswer::Listed),
            at(3, "List", "AKIDA", throttled()),
        ];
        let counted: Vec<_> = count(&seen)
            .into_iter()
            .map(|c| (c.action, c.secret_id, c.requests, c.throttled, c.most_in_a_second))
            .collect();
        let row = |action: &str, id: &str, requests, throttled| {
            (action.to_owned(), id.to_owned(), requests, throttled, requests)
        };
        let expected =
            [row("Create", "AKIDA", 1, 0), row("List", "AKIDA", 2, 1), row("List", "AKIDB", 1, 0)];
        assert_eq!(counted, expected);
    }

    #[test]
    fn a_request_without_an_action_or_a_key_is_not_counted() {
        let mut seen = listed([0, 1]);
        (seen[0].action, seen[1].secret_id) = (None, None);
        assert_eq!(count(&seen), []);
    }

    fn accepted_at(seen: &[Seen], millis: u64) -> u64 {
        accepted(seen, Some("List"), Some("AKIDA"), Duration::from_millis(millis))
    }

    #[test]
    fn a_request_counts_for_less_than_a_second() {
        let seen = listed([0, 500]);
        assert_eq!((accepted_at(&seen, 999), accepted_at(&seen, 1_000)), (2, 1));
        assert_eq!((accepted_at(&seen, 1_499), accepted_at(&seen, 1_500)), (1, 0));
    }

    #[test]
    fn refused_requests_and_those_of_others_do_not_count() {
        let seen = [
            at(0, "List", "AKIDA", throttled()),
            at(0, "List", "AKIDB", SeenAnswer::Listed),
            at(0, "Create", "AKIDA", SeenAnswer::Listed),
        ];
        assert_eq!(accepted_at(&seen, 1), 0);
    }
}
