//! The command `replay`: a recorded wait, decided again and compared.

mod picture;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    time::Duration,
};

use serde::Serialize;
use tcss_export::{
    core::{
        text::printable,
        wait::{Replay, ReplayError, TranscriptLine},
    },
    wait::{Event, EventKind},
};

use self::picture::Picture;
use crate::{
    args,
    error::{Error, ErrorKind, Result},
    output::{Ending, Output, Stdout},
    secrets::masked,
    text::{requests, seconds},
    wait::{Decision, Recording, action, reason},
};

pub(crate) fn replay(args: &args::Replay, output: &Output) -> Result<Ending> {
    let mut lines = Lines::open(&args.file)?;
    let Some(first) = lines.next()? else { return Err(lines.invalid("the file is empty")) };
    let mut picture = args.svg.as_ref().map(|_| Picture::new(&first));
    let mut replay = Replay::begin(first).map_err(|error| lines.invalid(&error.to_string()))?;
    let ending = compare(&mut lines, &mut replay, &mut picture, Table::new(output)?)?;
    if let (Some(picture), Some(path)) = (&picture, &args.svg) {
        match args.svg_is_stdout() {
            true => _ = output.print(&picture.svg())?,
            false => Recording::create(path, args.force)?.save(&picture.svg())?,
        }
    }
    Ok(ending)
}

/// Decides each line again.
fn compare(
    lines: &mut Lines,
    replay: &mut Replay,
    picture: &mut Option<Picture>,
    mut table: Table<'_>,
) -> Result<Ending> {
    while let Some(line) = lines.next()? {
        match replay.next(line.clone()) {
            Ok(event) => {
                if let Some(picture) = picture {
                    picture.add(&line, event.as_ref());
                }
                let stdout = table.add(lines.number, &line, event.as_ref())?;
                // The picture needs all lines.
                if stdout == Stdout::Closed && picture.is_none() {
                    return Ok(Ending::Done);
                }
            }
            Err(error @ ReplayError::NotBegun) => return Err(lines.invalid(&error.to_string())),
            Err(error) => {
                if let Some(picture) = picture {
                    picture.add_difference(lines.number);
                }
                return table.differs(lines.number, &error);
            }
        }
    }
    table.finish(lines.number)
}

const SUCCESS: &str = "success";

/// The table of decisions.
struct Table<'o> {
    output: &'o Output,
    /// The end of the wait; the next line usually describes it better.
    pending: Option<Row>,
    outcome: Option<String>,
}

/// One decision.
#[derive(Serialize)]
struct Row {
    line: usize,
    at_seconds: f64,
    #[serde(flatten)]
    decision: Decision,
    #[serde(skip)]
    text: String,
}

/// The result of a replay.
#[derive(Default, Serialize)]
struct ReplayResult<'a> {
    as_recorded: bool,
    lines: usize,
    outcome: Option<&'a str>,
    line: Option<usize>,
    recorded: Option<String>,
    decided: Option<String>,
}

impl<'o> Table<'o> {
    fn new(output: &'o Output) -> Result<Self> {
        if !output.json {
            let head = columns(("time", "request", "what came back", "what was decided"));
            output.result(&(), || head)?;
        }
        Ok(Self { output, pending: None, outcome: None })
    }

    /// Prints the decision of a line; the last line of a recording has no event.
    fn add(
        &mut self,
        number: usize,
        line: &TranscriptLine,
        event: Option<&Event>,
    ) -> Result<Stdout> {
        let row = Row::new(number, line, event);
        if event.is_some_and(|event| event.kind == EventKind::Ended) {
            self.pending = Some(row);
            return Ok(Stdout::Open);
        }
        self.pending = None;
        if let TranscriptLine::Ended { outcome, .. } = line {
            self.outcome = Some(masked(outcome));
        }
        self.output.result(&row, || row.text.clone())
    }

    fn finish(mut self, lines: usize) -> Result<Ending> {
        if let Some(row) = self.pending.take() {
            self.output.result(&row, || row.text.clone())?;
        }
        let outcome = self.outcome.as_deref();
        let result = ReplayResult { as_recorded: true, lines, outcome, ..ReplayResult::default() };
        self.output.result(&result, || {
            let stops = "; the recording stops before the end of the wait";
            let stops = if outcome.is_none() { stops } else { "" };
            format!("{lines} lines, all decided as recorded{stops}.\n")
        })?;
        Ok(Ending::Done)
    }

    /// Prints the difference between the replay and the recording.
    fn differs(self, line: usize, error: &ReplayError) -> Result<Ending> {
        let (recorded, decided) = difference(error);
        let text = format!("Line {line} differs.\n  recorded  {recorded}\n  decided   {decided}\n");
        let result = ReplayResult {
            lines: line,
            line: Some(line),
            recorded: Some(recorded),
            decided: Some(decided),
            ..ReplayResult::default()
        };
        self.output.result(&result, || text)?;
        Ok(Ending::ReplayDiffers)
    }
}

impl Row {
    fn new(line: usize, of: &TranscriptLine, event: Option<&Event>) -> Self {
        let (at, decision, came) = match (of, event) {
            (TranscriptLine::Ended { at, outcome, polls, .. }, _) => {
                let shown = masked(outcome);
                let came = printable(&shown).to_string();
                let reason = (outcome != SUCCESS).then_some(shown);
                (*at, Decision::recorded_end(*polls, reason), came)
            }
            (TranscriptLine::Polled(polled), Some(event)) => (
                polled.answered,
                Decision::new(event, polled.request_id(), None),
                reason(event, None),
            ),
            (TranscriptLine::NotStarted { at, .. }, Some(event)) => {
                (*at, Decision::new(event, None, None), reason(event, None))
            }
            (_, event) => {
                let came = event.map(|event| reason(event, None)).unwrap_or_default();
                (Duration::ZERO, Decision::default(), came)
            }
        };
        let decided = event.map_or_else(|| "end".to_owned(), action);
        let (time, poll) = (format!("{:.3} s", at.as_secs_f64()), decision.poll.to_string());
        let text = columns((&time, &poll, &came, &decided));
        Self { line, at_seconds: seconds(at), decision, text }
    }
}

fn columns((time, request, came, decided): (&str, &str, &str, &str)) -> String {
    format!("{time:>11}  {request:>7}  {came:<32}  {decided}\n")
}

/// Describes both sides of a difference.
fn difference(error: &ReplayError) -> (String, String) {
    let (recorded, decided) = match error {
        ReplayError::Decided { recorded, decided } => {
            let texts = (event_text(recorded), event_text(decided));
            // The texts are rounded, and a delay may differ in its last digits.
            let is_same = texts.0 == texts.1;
            if is_same { (format!("{recorded:?}"), format!("{decided:?}")) } else { texts }
        }
        ReplayError::Ended { recorded, decided } => (end(recorded), end(decided)),
        ReplayError::NotDue { started } => {
            let seconds = started.since_origin().as_secs_f64();
            (format!("a request starts at {seconds:.3} s"), "no request is due then".to_owned())
        }
        ReplayError::NotEnded => ("the wait ends".to_owned(), "it continues".to_owned()),
        error => ("a line of a transcript".to_owned(), error.to_string()),
    };
    let shown = |text: String| printable(&masked(&text)).to_string();
    (shown(recorded), shown(decided))
}

fn event_text(event: &Event) -> String {
    let reason = reason(event, None);
    let colon = if reason.is_empty() { "" } else { "; " };
    format!("request {}: {reason}{colon}{}", event.poll, action(event))
}

fn end(line: &TranscriptLine) -> String {
    match line {
        TranscriptLine::Ended { outcome, polls, retries, .. } => {
            format!("{outcome}: {}", requests(*polls, *retries))
        }
        line => format!("{line:?}"),
    }
}

/// More than the longest line: an answer has at most a megabyte.
const LONGEST_LINE: u64 = 1 << 24;
/// The limit for an error text, which may quote a long line.
const LONGEST_REASON: usize = 200;

/// The lines of a recording, numbered from 1.
struct Lines {
    reader: Box<dyn BufRead>,
    name: String,
    number: usize,
}

/// Opens a file, or stdin for `-`, and returns its name for messages.
pub(super) fn open(path: &Path) -> Result<(Box<dyn BufRead>, String)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), "stdin".to_owned()));
    }
    let name = printable(&path.display().to_string()).to_string();
    let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
    Ok((Box::new(BufReader::new(file)), name))
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let (reader, name) = open(path)?;
        Ok(Self { reader, name, number: 0 })
    }

    /// Returns the next line that is not blank.
    fn next(&mut self) -> Result<Option<TranscriptLine>> {
        loop {
            let mut line = Vec::new();
            let read = (&mut *self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line);
            read.map_err(|error| unreadable(&self.name, &error))?;
            if line.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            if !line.trim_ascii().is_empty() {
                let line = serde_json::from_slice(&line);
                return line.map(Some).map_err(|error| self.invalid(&without_place(&error)));
            }
        }
    }

    /// Returns the error for a file that is not a recording.
    fn invalid(&self, reason: &str) -> Error {
        let short: String = reason.chars().take(LONGEST_REASON).collect();
        let line = self.number.max(1);
        let message = format!("{} is not a recording: line {line}: {short}", self.name);
        Error::new(ErrorKind::Usage, message)
            .with_path(self.name.clone())
            .with_hint("use a file that wait --record wrote")
    }
}

pub(super) fn unreadable(name: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{name} cannot be read: {error}"))
        .with_path(name.to_owned())
        .with_hint("check its name and its permissions")
        .or_limit(error)
}

/// Returns the text of an error without its position, which is always in line 1.
fn without_place(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it stops in the middle".to_owned();
    }
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason).to_owned()
}
