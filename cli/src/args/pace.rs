use std::time::Duration;

use clap::Args as Group;
use tcss_export::Policy;

use super::values::seconds;
use crate::terminal::shell::Setting;

/// How a job is waited for.
#[derive(Debug, Group)]
pub(crate) struct Pace {
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true,
        help = "Stops waiting for the job after this time; 30 minutes by default."
    )]
    timeout: Option<Duration>,
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true,
        help = "Asks at this fixed interval; by default it grows from 2 s to 15 s."
    )]
    interval: Option<Duration>,
}

impl Pace {
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        if let Some(timeout) = self.timeout {
            policy.max_wait = timeout;
            // A wait of two seconds must not hang for thirty.
            policy.exchange_limit = timeout.min(Policy::EXCHANGE_LIMIT);
        }
        if let Some(interval) = self.interval {
            (policy.poll_interval, policy.longest_poll_interval) = (interval, interval);
        }
        policy
    }

    /// Returns the options that give the same pace.
    pub(crate) fn options(&self) -> Vec<Setting> {
        let options = [
            Setting::seconds("--timeout", self.timeout),
            Setting::seconds("--interval", self.interval),
        ];
        options.into_iter().flatten().collect()
    }
}
