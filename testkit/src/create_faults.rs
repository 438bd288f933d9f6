//! The faults of creates of the [`Service`](crate::Service), create by create.

use std::fmt;
use std::str::FromStr;

use crate::grammar::{self, Grammar, ReadStep, ScriptError, bare, needed};
use crate::script::error_code;

/// The fault of one create.
///
/// The first word of each description is the fault's text in [`CreateFaults`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateFault {
    /// `OK`: no fault.
    Ok,
    /// `LOST`: the job is made, and the connection ends before the first byte of an answer.
    Lost,
    /// `HANG`: the job is made, and no answer ever comes.
    Hang,
    /// `DROP`: no job is made, and the connection ends before the first byte of an answer.
    Drop,
    /// `ERROR:Code`: no job is made, and the answer is an API error with this code.
    Error(String),
}

impl Grammar for CreateFault {
    const NOUN: &'static str = "fault";
    const WORDS: &'static [(&'static str, ReadStep<Self>)] = &[
        ("OK", |value| bare(value, Self::Ok)),
        ("LOST", |value| bare(value, Self::Lost)),
        ("HANG", |value| bare(value, Self::Hang)),
        ("DROP", |value| bare(value, Self::Drop)),
        ("ERROR", |value| Ok(Self::Error(error_code(needed(value)?)?))),
    ];
}

impl fmt::Display for CreateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(code) => write!(f, "ERROR:{code}"),
            _ => grammar::write_bare(f, self),
        }
    }
}

/// The faults of creates, one per accepted create; creates after the last one have no fault.
///
/// The text form is that of [`DownloadFaults`](crate::DownloadFaults).
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::{CreateFault, CreateFaults};
///
/// # fn main() -> Result<(), tcss_export_testkit::ScriptError> {
/// let faults = CreateFaults::new([CreateFault::Lost, CreateFault::Ok])?;
/// assert_eq!("LOST,OK".parse::<CreateFaults>()?, faults);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateFaults {
    pub(crate) faults: Vec<CreateFault>,
}

impl CreateFaults {
    /// Makes a list of these faults.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] if an error code has other characters than letters, digits, `.`, `_` and
    /// `-`.
    pub fn new(faults: impl IntoIterator<Item = CreateFault>) -> Result<Self, ScriptError> {
        let faults: Vec<_> = faults.into_iter().collect();
        grammar::check(&faults)?;
        Ok(Self { faults })
    }
}

impl FromStr for CreateFaults {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        Ok(Self { faults: grammar::parse(text)? })
    }
}

impl fmt::Display for CreateFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grammar::write(f, &self.faults)
    }
}
