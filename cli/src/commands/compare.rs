//! `explain --compare`: the request of another program, signed again and compared part by part.

mod guess;
mod mistake;
mod subject;

use std::{io::Read, path::Path};

use serde::Serialize;
use tcss_export::{core::text::brief, signing::Timestamp};

use self::{mistake::Mistake, subject::Subject};
use super::replay::{open, unreadable};
use crate::{
    args::Common,
    captured::{Captured, is_answer, requests},
    error::{Error, ErrorKind, Result},
    keys::Keys,
    output::{Ending, Output},
    secrets::masked,
};

const SIZE_LIMIT: u64 = 1 << 20;

pub(crate) async fn compare(
    file: &Path,
    now: Option<Timestamp>,
    common: &Common,
    output: &Output,
) -> Result<Ending> {
    let (name, text) = read(file)?;
    let found = requests(&text);
    let is_call = |request: &Captured| {
        request.header("x-tc-action").is_some() || request.authorization().is_some()
    };
    let Some(at) = found.iter().position(is_call) else {
        return Err(no_request(&name, &text, found.len()));
    };
    let key = Keys::new(common)?.find(false).await;
    let key = key.map(|found| found.credentials).map_err(|error| {
        // The lines after the first one list the sources.
        error.to_string().lines().next().unwrap_or_default().to_owned()
    });
    let parts = Subject::new(&found[at]).parts(&key, now);
    let first = parts.iter().find(|part| part.mistake.is_some());
    let comparison = Comparison {
        request: at + 1,
        requests: found.len(),
        same: first.is_none(),
        first_difference: first.map(|part| &*part.part),
        likely_cause: first.and_then(|part| Some(part.mistake?.0)),
        remedy: first.and_then(|part| Some(part.mistake?.1)),
        parts: &parts,
    };
    output.result(&comparison, || comparison.text())?;
    Ok(if comparison.same { Ending::Done } else { Ending::RequestDiffers })
}

/// Reads the file and returns its name for messages, and its text.
fn read(path: &Path) -> Result<(String, String)> {
    let (reader, name) = open(path)?;
    let mut bytes = Vec::new();
    let read = reader.take(SIZE_LIMIT + 1).read_to_end(&mut bytes);
    if read.map_err(|error| unreadable(&name, &error))? as u64 > SIZE_LIMIT {
        return Err(refused(&name, "is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| refused(&name, "is not UTF-8 text"))?;
    Ok((name, text))
}

fn no_request(name: &str, text: &str, requests: usize) -> Error {
    let problem = match requests {
        0 if text.trim().is_empty() => "is empty",
        0 if text.lines().any(is_answer) => "holds an answer, but no request",
        0 => "holds no request",
        _ => "holds no request with X-TC-Action or a signature",
    };
    refused(name, problem)
}

fn refused(name: &str, problem: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{name} {problem}")).with_path(name.to_owned()).with_hint(
        "use HTTP text, the output of curl -v or the debug log of an SDK, with the request line \
         and all headers",
    )
}

/// The result of a comparison.
#[derive(Serialize)]
struct Comparison<'a> {
    request: usize,
    requests: usize,
    same: bool,
    first_difference: Option<&'a str>,
    likely_cause: Option<&'static str>,
    remedy: Option<&'static str>,
    parts: &'a [Part],
}

/// A part of a stage.
#[derive(Serialize)]
struct Part {
    stage: &'static str,
    part: String,
    /// `same`, `differs` or `not_compared`.
    result: &'static str,
    detail: Option<String>,
    #[serde(skip)]
    mistake: Option<Mistake>,
}

/// What was found out about a part.
enum Finding {
    Same,
    Differs(String, Mistake),
    NotCompared(String),
}

impl Comparison<'_> {
    fn text(&self) -> String {
        let mut text = format!("Request {} of {}\n", self.request, self.requests);
        let mut stage = "";
        for part in self.parts {
            if part.stage != stage {
                stage = part.stage;
                text += &format!("\n{stage}\n");
            }
            let detail = part.detail.iter().map(|detail| format!(": {detail}")).collect::<String>();
            text += &format!("  {:14}  {}{detail}\n", part.part, part.result.replace('_', " "));
        }
        if let (Some(part), Some(cause), Some(remedy)) =
            (self.first_difference, self.likely_cause, self.remedy)
        {
            text += &format!("\nfirst difference: {part}\nlikely cause: {cause}\n");
            return text + &format!("what to do: {remedy}\n");
        }
        let open = self.parts.iter().filter(|part| part.result != "same").map(|part| &*part.part);
        let open = open.collect::<Vec<_>>().join(", ");
        let but = if open.is_empty() { String::new() } else { format!("; not compared: {open}") };
        text + &format!("\nNo difference{but}\n")
    }
}

impl Part {
    fn new(stage: &'static str, part: &str, finding: Finding) -> Self {
        let (result, detail, mistake) = match finding {
            Finding::Same => ("same", String::new(), None),
            Finding::Differs(detail, mistake) => ("differs", detail, Some(mistake)),
            Finding::NotCompared(reason) => ("not_compared", reason, None),
        };
        let detail = (!detail.is_empty()).then(|| shown(&detail));
        Self { stage, part: shown(part), result, detail, mistake }
    }
}

/// Returns a text from outside without secrets, at most a few lines long.
fn shown(text: &str) -> String {
    brief(&masked(text)).to_string()
}
