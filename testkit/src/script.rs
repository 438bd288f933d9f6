//! What a job of the [`Service`](crate::Service) answers, poll by poll.

mod error;
mod grammar;

use std::fmt;

pub use self::error::ScriptError;
use self::error::{Problem, check};

/// One answer of a [`Script`].
///
/// The word in front is the step's name in a script's text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// `RUNNING[:progress]`: the job runs; without a number the progress is 0.
    Running(Option<f64>),
    /// `SUCCESS[:url]`: the job is done. `SUCCESS` gives [`Step::EXAMPLE_URL`], `SUCCESS:` an empty
    /// one.
    Success(Option<String>),
    /// `FAILURE[:text]`: the job failed, with [`Step::EXAMPLE_FAILURE`] or the given message.
    Failure(Option<String>),
    /// `STATUS:text`: any other export status.
    Status(String),
    /// `ERROR:Code`: an API error with this code.
    Error(String),
    /// `HTTP:502`: this HTTP status with an HTML page; a redirect also names a made-up `Location`.
    Http(u16),
    /// `EMPTY`: HTTP 200 with `Content-Length: 0`.
    Empty,
    /// `CUT`: a good answer that ends, with its connection, before its `Content-Length`.
    Cut,
    /// `CUTJSON`: an answer that is whole for HTTP, with JSON that stops in the middle.
    CutJson,
    /// `RESET`: the connection is closed before the first byte of an answer.
    Reset,
    /// `HANG`: the request is read and never answered.
    Hang,
    /// `SKEW:seconds`: from here on the service's clock is so far ahead of the real one, or behind.
    ///
    /// It answers nothing: the request that finds it is judged by the new clock and, when that
    /// accepts it, answered by the next step.
    Skew(i64),
    /// `NULLS`: the job runs, and URL, progress and message are null.
    Nulls,
}

impl Step {
    /// The URL of a success that names none: it looks presigned and leads nowhere.
    pub const EXAMPLE_URL: &'static str =
        "https://export-1250000000.example/EXAMPLE-report.csv?q-signature=EXAMPLE";
    /// The message of a failure that names none.
    pub const EXAMPLE_FAILURE: &'static str = "made-up failure";
}

/// The steps a job goes through, one per accepted request; the last one repeats.
///
/// As a text, steps are separated by commas, so no URL, status or message holds a comma; blanks in
/// front of a step are ignored. The text of a script ([`Display`](fmt::Display)) reads back to the
/// same script.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::{Script, Step};
///
/// # fn main() -> Result<(), tcss_export_testkit::ScriptError> {
/// let script = Script::new([Step::Running(Some(10.0)), Step::Success(None)])?;
/// assert_eq!(script.to_string(), "RUNNING:10,SUCCESS");
/// assert_eq!("RUNNING:10, SUCCESS".parse::<Script>()?, script);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Never empty, and the last one is no [`Step::Skew`].
    steps: Vec<Step>,
}

impl Script {
    /// Makes a script of these steps.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] if there is no step, if the last one is a [`Step::Skew`] (it answers
    /// nothing, so it cannot repeat), or if a step could not be written as text: a comma or a line
    /// end in it, a progress that is no number, an error code with other characters than letters,
    /// digits, `.`, `_` and `-`, or an HTTP status outside 200 to 599.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Result<Self, ScriptError> {
        let steps: Vec<Step> = steps.into_iter().collect();
        for (index, step) in steps.iter().enumerate() {
            check(step).map_err(|problem| ScriptError::at(index, step.to_string(), problem))?;
        }
        match steps.last() {
            None => Err(ScriptError::empty()),
            Some(last @ Step::Skew(_)) => {
                Err(ScriptError::at(steps.len() - 1, last.to_string(), Problem::SkewLast))
            }
            Some(_) => Ok(Self { steps }),
        }
    }

    /// Returns the steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the step at this position, or the last one for any position behind it.
    pub(crate) fn step(&self, position: usize) -> &Step {
        // A script is never empty; an answer that says nothing is the harmless way out.
        self.steps.get(position).or_else(|| self.steps.last()).unwrap_or(&Step::Empty)
    }
}

/// A short job that ends well.
impl Default for Script {
    fn default() -> Self {
        Self {
            steps: vec![Step::Running(Some(10.0)), Step::Running(Some(55.0)), Step::Success(None)],
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{step}")?;
        }
        Ok(())
    }
}
