//! The script of each job, chosen by a seed, and how its wait must end.

use std::{
    fmt::Write,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use tcss_export::{
    CredentialSource, Credentials,
    actions::ExportStatus,
    wait::{self, Report},
};
use tcss_export_testkit::Script;

use crate::{Outcome, random::Random};

pub(crate) const SECRET_ID: &str = "AKIDEXAMPLEOFTHEFAULTRUN";
pub(crate) const SECRET_KEY: &str = "EXAMPLEKEYOFTHEFAULTRUN";
pub(crate) const TOKEN: &str = "EXAMPLETOKENOFTHEFAULTRUN";

/// After this many requests the service refuses the token that the source returns, until the source
/// is asked for fresh credentials.
const ROTATED_AFTER: u32 = 700;

pub(crate) fn credential_source() -> CredentialSource {
    let (asked, refreshed) = (AtomicU32::new(0), AtomicBool::new(false));
    CredentialSource::from_fn(move |fresh| {
        let is_rotated = asked.fetch_add(1, Ordering::Relaxed) >= ROTATED_AFTER;
        let is_refreshed = refreshed.fetch_or(fresh, Ordering::Relaxed) || fresh;
        let token = if is_rotated && !is_refreshed { "EXAMPLEOLDTOKEN" } else { TOKEN };
        Ok(Credentials::new(SECRET_ID, SECRET_KEY)?.with_token(token)?)
    })
}

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) job: String,
    steps: String,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    File,
    Failed,
    Forbidden,
    NoUrl,
    /// It fails until the wait gives up.
    Broken,
    /// It runs until the deadline of the wait.
    Late,
}

/// Steps before the end of a script; a wait survives each of them.
const STEPS: [&str; 14] = [
    "RUNNING:42.5",
    "RUNNING:42.5",
    "RUNNING",
    "NULLS",
    "STATUS:PENDING",
    "ERROR:InternalError",
    "ERROR:RequestLimitExceeded",
    "ERROR:RequestLimitExceeded.UinLimitExceeded",
    "HTTP:502",
    "EMPTY",
    "CUT",
    "CUTJSON",
    "RESET",
    "SUCCESS:",
];

impl Plan {
    /// Plans all jobs. The service's clock jumps by ten minutes in the middle one.
    pub(crate) fn all(jobs: usize, seed: u64) -> Vec<Self> {
        let mut random = Random(seed);
        let mut plans: Vec<_> = (0..jobs).map(|number| Self::random(number, &mut random)).collect();
        if let Some(plan) = plans.get_mut(jobs / 2) {
            plan.steps.insert_str(0, "RUNNING,RUNNING,SKEW:600,");
        }
        plans
    }

    fn random(number: usize, random: &mut Random) -> Self {
        let mut steps = String::new();
        for _ in 0..random.below(4) {
            write!(steps, "{},", random.pick(&STEPS)).expect("a string takes any text");
        }
        if random.below(20) == 0 {
            steps.push_str("HANG,");
        }
        let end = match random.below(40) {
            0..30 => End::File,
            30..33 => End::Failed,
            33..36 => End::Forbidden,
            36 | 37 => End::NoUrl,
            38 => End::Broken,
            _ => End::Late,
        };
        Self { job: format!("00000000-7e57-4000-8000-{number:012x}"), steps, end }
    }

    pub(crate) fn script(&self) -> Script {
        let Self { job, steps, .. } = self;
        let last = match self.end {
            End::File => format!("SUCCESS:{}", self.url()),
            End::Failed => format!("FAILURE:{job}"),
            End::Forbidden => "ERROR:UnauthorizedOperation".to_owned(),
            End::NoUrl => "SUCCESS:".to_owned(),
            End::Broken => "ERROR:InternalError".to_owned(),
            End::Late => "RUNNING".to_owned(),
        };
        format!("{steps}{last}").parse().expect("a script")
    }

    fn url(&self) -> String {
        format!("https://h.example/{}.csv?q-signature=EXAMPLE", self.job)
    }

    /// Returns the deadline of the wait for a job that would run for ever.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        (self.end == End::Late).then_some(Duration::from_secs(8))
    }

    /// Whether the wait must end with this outcome.
    pub(crate) fn fits(&self, outcome: &Outcome) -> bool {
        let error = match outcome {
            Ok(finished) => {
                return self.end == End::File && finished.download_url.as_str() == self.url();
            }
            Err(error) => error,
        };
        let code = error.code().map(|code| code.as_str());
        match (self.end, &error.kind) {
            (End::Failed, wait::ErrorKind::JobFailed { message }) => {
                message.as_deref() == Some(&self.job)
            }
            (End::Forbidden, _) => code == Some("UnauthorizedOperation"),
            (End::NoUrl, wait::ErrorKind::WithoutUrl) => true,
            (End::Broken, _) => code == Some("InternalError"),
            (End::Late, wait::ErrorKind::TimedOut) => {
                error.last_status().is_none_or(|status| *status != ExportStatus::Failure)
            }
            _ => false,
        }
    }
}

pub(crate) fn report(outcome: &Outcome) -> &Report {
    match outcome {
        Ok(finished) => &finished.report,
        Err(error) => &error.report,
    }
}
