use std::error::Error;
use std::fmt;

use super::Step;

/// Says which step of a script is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    position: Option<usize>,
    step: String,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    NoSteps,
    UnknownStep,
    NoArgument,
    Argument,
    Progress,
    Code,
    HttpStatus,
    Seconds,
    Text,
    SkewLast,
}

impl ScriptError {
    pub(super) const fn empty() -> Self {
        Self { position: None, step: String::new(), problem: Problem::NoSteps }
    }

    pub(super) const fn at(index: usize, step: String, problem: Problem) -> Self {
        Self { position: Some(index + 1), step, problem }
    }

    /// Returns which step is wrong, counted from 1; `None` if the script has no step.
    #[must_use]
    pub const fn position(&self) -> Option<usize> {
        self.position
    }

    /// Returns the text of the wrong step.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.step
    }
}

impl Problem {
    const fn text(self) -> &'static str {
        match self {
            Self::NoSteps => "a script needs at least one step",
            Self::UnknownStep => {
                "expected RUNNING, SUCCESS, FAILURE, STATUS, ERROR, HTTP, EMPTY, CUT, CUTJSON, \
                 RESET, HANG, SKEW or NULLS"
            }
            Self::NoArgument => "expected a colon and a value after the step's name",
            Self::Argument => "expected nothing after the step's name",
            Self::Progress => "expected a progress like 42.5",
            Self::Code => "expected an error code like InternalError or AuthFailure.TokenFailure",
            Self::HttpStatus => "expected an HTTP status from 200 to 599",
            Self::Seconds => "expected a whole number of seconds like 600 or -600",
            Self::Text => "expected a text without commas and line ends",
            Self::SkewLast => "a SKEW answers nothing, so another step must follow it",
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "step {position} {:?}: ", self.step)?;
        }
        f.write_str(self.problem.text())
    }
}

impl Error for ScriptError {}

/// Checks what the grammar asks of a step's value, wherever the step came from.
pub(super) fn check(step: &Step) -> Result<(), Problem> {
    let (good, problem) = match step {
        Step::Running(Some(progress)) => (progress.is_finite(), Problem::Progress),
        Step::Success(Some(text)) | Step::Failure(Some(text)) | Step::Status(text) => {
            (!text.contains([',', '\r', '\n']), Problem::Text)
        }
        Step::Error(code) => (is_code(code), Problem::Code),
        Step::Http(status) => ((200..=599).contains(status), Problem::HttpStatus),
        _ => (true, Problem::UnknownStep),
    };
    if good { Ok(()) } else { Err(problem) }
}

fn is_code(code: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !code.is_empty() && code.bytes().all(allowed)
}
