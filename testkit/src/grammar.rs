//! The text form of [`Script`](crate::Script), [`CreateFaults`](crate::CreateFaults) and
//! [`DownloadFaults`](crate::DownloadFaults): steps `NAME` or `NAME:value`, separated by commas.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A step that has a text form; its `Display` is that text.
pub(crate) trait Grammar: fmt::Display + PartialEq + Sized + 'static {
    /// The word for a step in error messages.
    const NOUN: &'static str;
    /// The names of all steps, each with the function that reads its value.
    const WORDS: &'static [(&'static str, ReadStep<Self>)];
}

/// Makes a step from the text after the colon, if there is a colon.
pub(crate) type ReadStep<S> = fn(Option<&str>) -> Result<S, &'static str>;

/// The error of a script or a list of faults: which step is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    position: Option<usize>,
    noun: &'static str,
    step: String,
    problem: String,
}

impl ScriptError {
    pub(crate) fn no_steps() -> Self {
        let problem = "a script needs at least one step".to_owned();
        Self { position: None, noun: "", step: String::new(), problem }
    }

    pub(crate) fn at<S: Grammar>(index: usize, step: String, problem: impl Into<String>) -> Self {
        Self { position: Some(index + 1), noun: S::NOUN, step, problem: problem.into() }
    }

    /// Returns the position of the wrong step, counted from 1; `None` if a script has no step.
    pub const fn position(&self) -> Option<usize> {
        self.position
    }

    /// Returns the text of the wrong step.
    pub fn step(&self) -> &str {
        &self.step
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{} {position} {:?}: ", self.noun, self.step)?;
        }
        f.write_str(&self.problem)
    }
}

impl Error for ScriptError {}

/// Reads steps that are separated by commas, or none from a blank text; blanks before a step are
/// ignored.
pub(crate) fn parse<S: Grammar>(text: &str) -> Result<Vec<S>, ScriptError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let steps = text.split(',').enumerate();
    steps.map(|(index, step)| parse_step(index, step.trim_start())).collect()
}

/// Checks that every step reads back from its text.
pub(crate) fn check<S: Grammar>(steps: &[S]) -> Result<(), ScriptError> {
    for (index, step) in steps.iter().enumerate() {
        parse_step::<S>(index, &step.to_string())?;
    }
    Ok(())
}

fn parse_step<S: Grammar>(index: usize, text: &str) -> Result<S, ScriptError> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let step = match S::WORDS.iter().find(|word| word.0 == name) {
        Some((_, read)) => read(value).map_err(str::to_owned),
        None => Err(known_names::<S>()),
    };
    step.map_err(|problem| ScriptError::at::<S>(index, text.to_owned(), problem))
}

fn known_names<S: Grammar>() -> String {
    let names: Vec<_> = S::WORDS.iter().map(|word| word.0).collect();
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    format!("expected {} or {last}", others.join(", "))
}

/// Writes steps as [`parse`] reads them.
pub(crate) fn write<S: Grammar>(f: &mut fmt::Formatter<'_>, steps: &[S]) -> fmt::Result {
    let texts: Vec<_> = steps.iter().map(ToString::to_string).collect();
    f.write_str(&texts.join(","))
}

/// Writes the name of a step without a value: the one that reads as this step.
pub(crate) fn write_bare<S: Grammar>(f: &mut fmt::Formatter<'_>, step: &S) -> fmt::Result {
    let word = S::WORDS.iter().find(|(_, read)| read(None).as_ref() == Ok(step));
    f.write_str(word.map_or("", |word| word.0))
}

/// Returns a step that takes no value.
pub(crate) fn bare<S>(value: Option<&str>, step: S) -> Result<S, &'static str> {
    if value.is_none() { Ok(step) } else { Err("expected nothing after the name") }
}

/// Returns the value of a step that needs one.
pub(crate) fn needed(value: Option<&str>) -> Result<&str, &'static str> {
    value.ok_or("expected a colon and a value after the name")
}

pub(crate) fn number<T: FromStr>(
    value: Option<&str>,
    problem: &'static str,
) -> Result<T, &'static str> {
    needed(value)?.parse().map_err(|_| problem)
}

pub(crate) fn http_status(value: Option<&str>) -> Result<u16, &'static str> {
    let problem = "expected an HTTP status from 200 to 599";
    let status = number(value, problem)?;
    if (200..=599).contains(&status) { Ok(status) } else { Err(problem) }
}

/// Returns a text without a character that would end the step.
pub(crate) fn text(value: &str) -> Result<String, &'static str> {
    if value.contains([',', '\r', '\n']) {
        return Err("expected a text without commas and line ends");
    }
    Ok(value.to_owned())
}

/// Returns a text of letters, digits, `.`, `_` and `-`.
pub(crate) fn token(value: &str, problem: &'static str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_token = !value.is_empty() && value.bytes().all(allowed);
    is_token.then(|| value.to_owned()).ok_or(problem)
}
