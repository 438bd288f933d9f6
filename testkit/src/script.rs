//! The answers of a job of the [`Service`](crate::Service), poll by poll.

use std::fmt;
use std::str::FromStr;

use crate::grammar::{
    self, Grammar, ReadStep, ScriptError, bare, http_status, needed, number, text, token,
};

/// One answer of a [`Script`].
///
/// The first word of each description is the step's text in a script.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// `RUNNING[:progress]`: the job runs; without a number the progress is 0.
    Running(Option<f64>),
    /// `SUCCESS[:url]`: the job is done. `SUCCESS` has the URL [`Step::EXAMPLE_URL`], `SUCCESS:` an
    /// empty one.
    Success(Option<String>),
    /// `FAILURE[:text]`: the job failed, with [`Step::EXAMPLE_FAILURE`] or this message.
    Failure(Option<String>),
    /// `STATUS:text`: any other export status.
    Status(String),
    /// `ERROR:Code`: an API error with this code.
    Error(String),
    /// `HTTP:502`: this HTTP status with an HTML page; a redirect also has a made-up `Location`.
    Http(u16),
    /// `EMPTY`: HTTP 200 with `Content-Length: 0`.
    Empty,
    /// `CUT`: the connection ends inside a good answer, before its `Content-Length`.
    Cut,
    /// `CUTJSON`: an answer that is complete for HTTP, with JSON that ends in the middle.
    CutJson,
    /// `RESET`: the connection ends before the first byte of an answer.
    Reset,
    /// `HANG`: the service reads the request and never answers.
    Hang,
    /// `SKEW:seconds`: from now on the service's clock is this far ahead of the real one; a
    /// negative number sets it back.
    ///
    /// It is no answer. The service checks the request by the new clock and, if it accepts the
    /// request, answers it by the next step.
    Skew(i64),
    /// `NULLS`: the job runs, and URL, progress and message are null.
    Nulls,
}

impl Step {
    /// The URL of a success without a URL: it looks presigned and leads nowhere.
    pub const EXAMPLE_URL: &'static str =
        "https://export-1250000000.example/EXAMPLE-report.csv?q-signature=EXAMPLE";
    /// The message of a failure without a message.
    pub const EXAMPLE_FAILURE: &'static str = "made-up failure";

    /// Returns the seconds of a [`Step::Skew`].
    pub(crate) const fn skew(&self) -> Option<i64> {
        match self {
            Self::Skew(seconds) => Some(*seconds),
            _ => None,
        }
    }
}

impl Grammar for Step {
    const NOUN: &'static str = "step";
    const WORDS: &'static [(&'static str, ReadStep<Self>)] = &[
        ("RUNNING", |value| Ok(Self::Running(value.map(progress).transpose()?))),
        ("SUCCESS", |value| Ok(Self::Success(value.map(text).transpose()?))),
        ("FAILURE", |value| Ok(Self::Failure(value.map(text).transpose()?))),
        ("STATUS", |value| Ok(Self::Status(text(needed(value)?)?))),
        ("ERROR", |value| Ok(Self::Error(error_code(needed(value)?)?))),
        ("HTTP", |value| Ok(Self::Http(http_status(value)?))),
        ("EMPTY", |value| bare(value, Self::Empty)),
        ("CUT", |value| bare(value, Self::Cut)),
        ("CUTJSON", |value| bare(value, Self::CutJson)),
        ("RESET", |value| bare(value, Self::Reset)),
        ("HANG", |value| bare(value, Self::Hang)),
        ("SKEW", |value| Ok(Self::Skew(number(value, SECONDS)?))),
        ("NULLS", |value| bare(value, Self::Nulls)),
    ];
}

const SECONDS: &str = "expected a whole number of seconds like 600 or -600";

fn progress(value: &str) -> Result<f64, &'static str> {
    let progress: Option<f64> = value.parse().ok();
    progress.filter(|progress| progress.is_finite()).ok_or("expected a progress like 42.5")
}

pub(crate) fn error_code(value: &str) -> Result<String, &'static str> {
    token(value, "expected an error code like InternalError or AuthFailure.TokenFailure")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(Some(progress)) => write!(f, "RUNNING:{progress}"),
            Self::Success(Some(url)) => write!(f, "SUCCESS:{url}"),
            Self::Failure(Some(text)) => write!(f, "FAILURE:{text}"),
            Self::Status(text) => write!(f, "STATUS:{text}"),
            Self::Error(code) => write!(f, "ERROR:{code}"),
            Self::Http(status) => write!(f, "HTTP:{status}"),
            Self::Skew(seconds) => write!(f, "SKEW:{seconds}"),
            _ => grammar::write_bare(f, self),
        }
    }
}

/// The steps of a job, one per accepted request; the last one repeats.
///
/// In the text form commas separate the steps, so no URL, status or message has a comma; blanks
/// before a step are ignored. Parsing the text of a script ([`Display`](fmt::Display)) returns an
/// equal script.
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
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// Makes a script of these steps.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] if there is no step, if the last one is a [`Step::Skew`] (it is no answer,
    /// so it cannot repeat), or if a step has no text form: a comma or a line end in it, a progress
    /// that is no number, an error code with other characters than letters, digits, `.`, `_` and
    /// `-`, or an HTTP status outside 200 to 599.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Result<Self, ScriptError> {
        let steps: Vec<Step> = steps.into_iter().collect();
        grammar::check(&steps)?;
        match steps.last() {
            None => Err(ScriptError::no_steps()),
            Some(last @ Step::Skew(_)) => {
                let problem = "a SKEW answers nothing, so another step must follow it";
                Err(ScriptError::at::<Step>(steps.len() - 1, last.to_string(), problem))
            }
            Some(_) => Ok(Self { steps }),
        }
    }

    /// Returns the steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// A short job that succeeds.
impl Default for Script {
    fn default() -> Self {
        Self {
            steps: vec![Step::Running(Some(10.0)), Step::Running(Some(55.0)), Step::Success(None)],
        }
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        Self::new(grammar::parse(text)?)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grammar::write(f, &self.steps)
    }
}
