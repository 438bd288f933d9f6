use std::fmt;
use std::str::FromStr;

use super::error::Problem;
use super::{Script, ScriptError, Step};

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        if text.trim().is_empty() {
            return Err(ScriptError::empty());
        }
        let steps = text.split(',').map(str::trim_start).enumerate();
        let steps = steps.map(|(index, step)| {
            parse_step(step).map_err(|problem| ScriptError::at(index, step.to_owned(), problem))
        });
        Self::new(steps.collect::<Result<Vec<_>, _>>()?)
    }
}

fn parse_step(text: &str) -> Result<Step, Problem> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    match bare_step(name) {
        Some(step) if value.is_none() => Ok(step),
        Some(_) => Err(Problem::Argument),
        None => valued_step(name, value),
    }
}

fn bare_step(name: &str) -> Option<Step> {
    Some(match name {
        "EMPTY" => Step::Empty,
        "CUT" => Step::Cut,
        "CUTJSON" => Step::CutJson,
        "RESET" => Step::Reset,
        "HANG" => Step::Hang,
        "NULLS" => Step::Nulls,
        _ => return None,
    })
}

fn valued_step(name: &str, value: Option<&str>) -> Result<Step, Problem> {
    let needed = value.ok_or(Problem::NoArgument);
    Ok(match name {
        "RUNNING" => {
            Step::Running(value.map(|value| number(value, Problem::Progress)).transpose()?)
        }
        "SUCCESS" => Step::Success(value.map(str::to_owned)),
        "FAILURE" => Step::Failure(value.map(str::to_owned)),
        "STATUS" => Step::Status(needed?.to_owned()),
        "ERROR" => Step::Error(needed?.to_owned()),
        "HTTP" => Step::Http(number(needed?, Problem::HttpStatus)?),
        "SKEW" => Step::Skew(number(needed?, Problem::Seconds)?),
        _ => return Err(Problem::UnknownStep),
    })
}

fn number<T: FromStr>(text: &str, problem: Problem) -> Result<T, Problem> {
    text.parse().map_err(|_| problem)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(progress) => named(f, "RUNNING", progress.as_ref()),
            Self::Success(url) => named(f, "SUCCESS", url.as_ref()),
            Self::Failure(text) => named(f, "FAILURE", text.as_ref()),
            Self::Status(text) => named(f, "STATUS", Some(text)),
            Self::Error(code) => named(f, "ERROR", Some(code)),
            Self::Http(status) => named(f, "HTTP", Some(status)),
            Self::Skew(seconds) => named(f, "SKEW", Some(seconds)),
            Self::Empty => f.write_str("EMPTY"),
            Self::Cut => f.write_str("CUT"),
            Self::CutJson => f.write_str("CUTJSON"),
            Self::Reset => f.write_str("RESET"),
            Self::Hang => f.write_str("HANG"),
            Self::Nulls => f.write_str("NULLS"),
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&impl fmt::Display>) -> fmt::Result {
    f.write_str(name)?;
    value.map_or(Ok(()), |value| write!(f, ":{value}"))
}
