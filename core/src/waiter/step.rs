use core::fmt;

use crate::{error::BuildError, outcome::Outcome, time::Mono};

/// What to do next.
#[derive(Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum Step<'w> {
    /// Nothing until this moment, or until the answer under way is there.
    WaitUntil(Mono),
    /// A poll is due: get credentials, then [`Waiter::start`](crate::Waiter::start).
    Poll {
        /// The last ones were refused: ask their source again.
        fresh_credentials: bool,
    },
    /// The wait has ended; [`Waiter::finish`](crate::Waiter::finish) gives the outcome away.
    Done(&'w Outcome),
}

/// Why no request was started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// No poll is due: it is too early, or the deadline has passed, or one is under way, or the
    /// wait has ended. Ask [`Waiter::step`](crate::Waiter::step).
    NotDue,
    /// It could not be built or signed, for this endpoint or at this time. The wait has ended.
    Build(BuildError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDue => f.write_str("no poll is due"),
            Self::Build(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StartError {}
