use std::time::Duration;

use serde::Serialize;
use tcss_export::{Event, EventKind, ReplayError, TranscriptLine, text::printable};

use crate::{
    ending::Ending,
    failure::Failure,
    terminal::{
        masking::masked,
        output::{Output, Reader},
    },
    wait::{
        decision::{Decision, reason, what},
        status::{requests, seconds},
    },
};

const SUCCESS: &str = "success";

/// What a replay has shown so far.
pub(super) struct Shown<'o> {
    output: &'o Output,
    /// An answer has ended the wait, which the next line tells better.
    pending: Option<Row>,
    outcome: Option<String>,
}

/// A decision, for programs and for people.
#[derive(Serialize)]
struct Row {
    line: usize,
    at_seconds: f64,
    #[serde(flatten)]
    decision: Decision,
    #[serde(skip)]
    text: String,
}

/// How a replay ended.
#[derive(Default, Serialize)]
struct End<'a> {
    as_recorded: bool,
    lines: usize,
    outcome: Option<&'a str>,
    line: Option<usize>,
    recorded: Option<String>,
    decided: Option<String>,
}

impl<'o> Shown<'o> {
    pub(super) fn new(output: &'o Output) -> Result<Self, Failure> {
        if !output.is_json() {
            output.print(&columns(("time", "request", "what came back", "what was decided")))?;
        }
        Ok(Self { output, pending: None, outcome: None })
    }

    /// Shows what a line decided; the one that ends the transcript has no event.
    pub(super) fn decision(
        &mut self,
        number: usize,
        line: &TranscriptLine,
        event: Option<&Event>,
    ) -> Result<Reader, Failure> {
        let row = Row::new(number, line, event);
        if event.is_some_and(|event| event.kind == EventKind::Ended) {
            self.pending = Some(row);
            return Ok(Reader::There);
        }
        self.pending = None;
        if let TranscriptLine::Ended { outcome, .. } = line {
            self.outcome = Some(masked(outcome));
        }
        self.output.result(&row, || row.text.clone())
    }

    pub(super) fn finish(mut self, lines: usize) -> Result<Ending, Failure> {
        if let Some(row) = self.pending.take() {
            self.output.result(&row, || row.text.clone())?;
        }
        let outcome = self.outcome.as_deref();
        let end = End { as_recorded: true, lines, outcome, ..End::default() };
        self.output.result(&end, || match outcome {
            Some(_) => format!("{lines} lines, all decided as recorded.\n"),
            None => format!(
                "{lines} lines, all decided as recorded; the recording stops before the end of \
                 the wait.\n"
            ),
        })?;
        Ok(Ending::Done)
    }

    /// Shows where the replay departs from the transcript.
    pub(super) fn differs(self, line: usize, error: &ReplayError) -> Result<Ending, Failure> {
        let (recorded, decided) = difference(error);
        let text = format!("Line {line} differs.\n  recorded  {recorded}\n  decided   {decided}\n");
        let end = End {
            lines: line,
            line: Some(line),
            recorded: Some(recorded),
            decided: Some(decided),
            ..End::default()
        };
        self.output.result(&end, || text)?;
        Ok(Ending::Differs)
    }
}

impl Row {
    fn new(line: usize, of: &TranscriptLine, event: Option<&Event>) -> Self {
        let (at, decision) = match (of, event) {
            (TranscriptLine::Ended { at, outcome, polls, .. }, _) => {
                let reason = (outcome != SUCCESS).then(|| masked(outcome));
                (*at, Decision::recorded_end(*polls, reason))
            }
            (TranscriptLine::Polled(polled), Some(event)) => {
                (polled.answered, Decision::new(event, polled.request_id()))
            }
            (TranscriptLine::NotStarted { at, .. }, Some(event)) => {
                (*at, Decision::new(event, None))
            }
            _ => (Duration::ZERO, Decision::default()),
        };
        let came = match (of, event) {
            (TranscriptLine::Ended { outcome, .. }, _) => printable(&masked(outcome)).to_string(),
            (_, event) => event.map(reason).unwrap_or_default(),
        };
        let decided = event.map_or_else(|| "end".to_owned(), what);
        let (time, poll) = (format!("{:.3} s", at.as_secs_f64()), decision.poll().to_string());
        let text = columns((&time, &poll, &came, &decided));
        Self { line, at_seconds: seconds(at), decision, text }
    }
}

fn columns((time, request, came, decided): (&str, &str, &str, &str)) -> String {
    format!("{time:>11}  {request:>7}  {came:<32}  {decided}\n")
}

/// Words both sides of a difference.
fn difference(error: &ReplayError) -> (String, String) {
    let (recorded, decided) = match error {
        ReplayError::Decided { recorded, decided } => of_events(recorded, decided),
        ReplayError::Ended { recorded, decided } => (end(recorded), end(decided)),
        ReplayError::NotDue { started } => {
            let seconds = started.since_origin().as_secs_f64();
            (format!("a request starts at {seconds:.3} s"), "none is due then".to_owned())
        }
        ReplayError::NotEnded => ("the wait ends".to_owned(), "it continues".to_owned()),
        error => ("a line of a transcript".to_owned(), error.to_string()),
    };
    let shown = |text: String| printable(&masked(&text)).to_string();
    (shown(recorded), shown(decided))
}

fn of_events(recorded: &Event, decided: &Event) -> (String, String) {
    let texts = (event_text(recorded), event_text(decided));
    if texts.0 != texts.1 {
        return texts;
    }
    // The words leave out what differs, such as the last digits of a delay.
    (format!("{recorded:?}"), format!("{decided:?}"))
}

fn event_text(event: &Event) -> String {
    let reason = reason(event);
    let colon = if reason.is_empty() { "" } else { "; " };
    format!("request {}: {reason}{colon}{}", event.poll, what(event))
}

fn end(line: &TranscriptLine) -> String {
    match line {
        TranscriptLine::Ended { outcome, polls, retries, .. } => {
            format!("{outcome}: {}", requests(*polls, *retries))
        }
        line => format!("{line:?}"),
    }
}
