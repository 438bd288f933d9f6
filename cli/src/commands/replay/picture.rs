//! A recorded wait as a picture: an SVG for a bug report.

use std::time::Duration;

use console::truncate_str;
use tcss_export::{
    core::{text::printable, wait::TranscriptLine},
    wait::{DelayReason, Event, EventKind, Remedy},
};

use super::SUCCESS;
use crate::{
    secrets::masked,
    text::requests,
    wait::{action, reason},
};

pub(super) struct Picture {
    title: String,
    about: String,
    marks: Vec<Mark>,
}

/// One request, or the moment at which the wait ended without one.
struct Mark {
    started: Duration,
    answered: Duration,
    /// The number of the request, if there was one.
    number: String,
    look: Look,
    /// The class of the pause after it.
    pause: &'static str,
    status: Option<String>,
    progress: Option<f64>,
    /// Empty for the request that ended the wait, until the next line describes the end.
    note: String,
}

/// A class of the style, an outline around a point, and the height of the lane.
type Look = (&'static str, &'static str, f64);

const ANSWERED: Look = ("answered", "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", ANSWERS);
const RETRIED: Look = ("retried", "m0-6l6 11h-12z", FAULTS);
const THROTTLED: Look = ("throttled", "m-5-5h10v10h-10z", FAULTS);
const CORRECTED: Look = ("corrected", "m0-7l7 7-7 7-7-7z", FAULTS);
const DONE: Look = ("done", "m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0z", ANSWERS);
const FAILED: Look = ("failed", "m-6-6l12 12m0-12l-12 12", ANSWERS);

/// The class of a pause up to the end that the progress predicts.
const AIMED: &str = "aimed";

/// The text is readable on any page, because the picture has its own background.
const STYLE: &str = include_str!("picture.css");

const WIDTH: f64 = 960.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 930.0;
// The parts from top to bottom; the numbers of requests have two rows.
const FULL_PROGRESS: f64 = 80.0;
const NO_PROGRESS: f64 = 150.0;
const NUMBERS: [f64; 2] = [196.0, 182.0];
const ANSWERS: f64 = 212.0;
const FAULTS: f64 = 232.0;
const AXIS: f64 = 250.0;
const NOTES: f64 = 306.0;
const LINE: f64 = 20.0;

/// The notes in the middle of a longer list are left out.
const MOST_NOTES: usize = 16;
/// In columns.
const LONGEST_NOTE: usize = 110;
const MOST_TICKS: f64 = 10.0;
/// The axis is at least this long, in seconds.
const SHORTEST: f64 = 0.01;

impl Picture {
    /// Starts with the first line of a recording.
    pub(super) fn new(first: &TranscriptLine) -> Self {
        let about = match first {
            TranscriptLine::Begun { wait, .. } => {
                let after_due = wait.deadline_at().saturating_since(wait.due_at());
                let deadline = after_due.saturating_add(wait.due_in()).as_secs_f64();
                let (unit, name) = unit(deadline);
                format!("job {}, deadline after {} {name}", wait.job_id(), rounded(deadline / unit))
            }
            _ => String::new(),
        };
        Self { title: "the recording stops before the end".to_owned(), about, marks: Vec::new() }
    }

    /// Adds a line and its event; the last line of a recording has no event.
    pub(super) fn add(&mut self, line: &TranscriptLine, event: Option<&Event>) {
        match (line, event) {
            (TranscriptLine::Polled(polled), Some(event)) => {
                self.marks.push(Mark::new(polled.started, polled.answered, event));
            }
            (TranscriptLine::NotStarted { at, .. }, Some(event)) => {
                self.marks.push(Mark::new(*at, *at, event));
            }
            (TranscriptLine::Ended { at, outcome, polls, retries, .. }, _) => {
                let (outcome, counts) = (masked(outcome), requests(*polls, *retries));
                self.title = format!("{outcome} after {:.1} s, {counts}", at.as_secs_f64());
                let last = self.marks.pop_if(|mark| mark.note.is_empty());
                let mark = last.unwrap_or_else(|| Mark::end(*at));
                let look = if outcome == SUCCESS { DONE } else { FAILED };
                self.marks.push(Mark { look, note: outcome, ..mark });
            }
            _ => {}
        }
    }

    /// Adds that this version decides a line differently.
    pub(super) fn add_difference(&mut self, line: usize) {
        self.title = format!("line {line} is decided otherwise than recorded");
        let at = self.marks.last().map_or(Duration::ZERO, |mark| mark.answered);
        self.marks.push(Mark { note: self.title.clone(), ..Mark::end(at) });
    }

    pub(super) fn svg(&self) -> String {
        let notes = self.notes();
        let height = NOTES + LINE * notes.len() as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{}</title>\n\
             <style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
            escaped(&self.title)
        );
        text(&mut svg, "title", 20.0, 30.0, &self.title);
        text(&mut svg, "faint", 20.0, 52.0, &self.about);
        self.draw_axes(&mut svg);
        self.draw_progress(&mut svg);
        self.draw_requests(&mut svg);
        self.draw_notes(&mut svg, &notes);
        svg + "</svg>\n"
    }

    /// Returns the length of the time axis, in seconds.
    fn span(&self) -> f64 {
        self.marks.last().map_or(0.0, |last| last.answered.as_secs_f64()).max(SHORTEST)
    }

    fn x(&self, at: Duration) -> f64 {
        LEFT + (RIGHT - LEFT) * at.as_secs_f64() / self.span()
    }

    fn draw_axes(&self, svg: &mut String) {
        let (unit, name) = unit(self.span());
        let span = self.span() / unit;
        let decade = 10_f64.powi((span / MOST_TICKS).log10().ceil() as i32);
        let steps = [decade / 5.0, decade / 2.0, decade];
        let step = steps.into_iter().find(|step| span / step <= MOST_TICKS).unwrap_or(decade);
        let lines = [FULL_PROGRESS, NO_PROGRESS, AXIS].map(|y| format!("M{LEFT} {y}H{RIGHT}"));
        path(svg, "grid", &lines.concat());
        for tick in 0..=(span / step) as u32 {
            let number = f64::from(tick) * step;
            let x = LEFT + (RIGHT - LEFT) * number / span;
            path(svg, "grid", &format!("M{x:.1} {FULL_PROGRESS}V{}", AXIS + 5.0));
            text(svg, "faint middle", x, AXIS + 20.0, &format!("{} {name}", rounded(number)));
        }
        let labels = [
            (FULL_PROGRESS, "100 %"),
            (NO_PROGRESS, "0 %"),
            (ANSWERS, "answers"),
            (FAULTS, "faults"),
        ];
        for (y, label) in labels {
            text(svg, "faint right", LEFT - 9.0, y + 4.0, label);
        }
    }

    /// Draws the progress in steps, because it is unknown between two answers.
    fn draw_progress(&self, svg: &mut String) {
        let mut line = String::new();
        for mark in &self.marks {
            let Some(progress) = mark.progress else { continue };
            let y = NO_PROGRESS + (FULL_PROGRESS - NO_PROGRESS) * progress / 100.0;
            let (x, is_first) = (self.x(mark.answered), line.is_empty());
            line += &if is_first { format!("M{x:.1} {y:.1}") } else { format!("H{x:.1}V{y:.1}") };
        }
        if !line.is_empty() {
            path(svg, "progress", &format!("{line}H{RIGHT}"));
        }
    }

    /// Draws pauses and exchanges as lines, and the results on them.
    fn draw_requests(&self, svg: &mut String) {
        for (mark, next) in self.marks.iter().zip(self.marks.iter().skip(1)) {
            path(svg, mark.pause, &self.line(mark, mark.answered, next.started));
        }
        for mark in &self.marks {
            path(svg, "exchange", &self.line(mark, mark.started, mark.answered));
        }
        *svg += "<g id=\"requests\">\n";
        for mark in &self.marks {
            mark.draw(svg, self.x(mark.answered), mark.look.2);
        }
        *svg += "</g>\n";
    }

    /// Returns a line in the lane of a mark.
    fn line(&self, mark: &Mark, from: Duration, to: Duration) -> String {
        format!("M{:.1} {}H{:.1}", self.x(from), mark.look.2, self.x(to))
    }

    /// Writes the notes, and the numbers of their requests above the marks if there is room.
    fn draw_notes(&self, svg: &mut String, notes: &[Option<&Mark>]) {
        let mut rows = NUMBERS.map(|y| (y, 0.0));
        for (index, note) in notes.iter().enumerate() {
            let y = NOTES + LINE * index as f64;
            let Some(mark) = note else {
                text(svg, "faint", LEFT + 80.0, y, "...");
                continue;
            };
            let x = self.x(mark.answered);
            if let Some(row) = rows.iter_mut().find(|(_, last)| x - *last > 20.0) {
                text(svg, "middle", x, row.0, &mark.number);
                row.1 = x;
            }
            text(svg, "right", LEFT - 30.0, y, &mark.number);
            mark.draw(svg, LEFT - 14.0, y - 5.0);
            let seconds = format!("{:.1} s", mark.answered.as_secs_f64());
            text(svg, "faint right", LEFT + 66.0, y, &seconds);
            text(svg, "note", LEFT + 80.0, y, &mark.note);
        }
    }

    /// Returns the marks to explain, with `None` in place of those left out.
    fn notes(&self) -> Vec<Option<&Mark>> {
        let (mut status, mut notes) = (&None, Vec::new());
        for mark in &self.marks {
            let is_new = mark.status.is_some() && mark.status != *status;
            if is_new || mark.look != ANSWERED || mark.pause == AIMED {
                notes.push(Some(mark));
            }
            status = if is_new { &mark.status } else { status };
        }
        if notes.len() > MOST_NOTES {
            notes.splice(MOST_NOTES / 2..notes.len() - MOST_NOTES / 2, [None]);
        }
        notes
    }
}

impl Mark {
    fn new(started: Duration, answered: Duration, event: &Event) -> Self {
        let (number, pause) = (event.poll.to_string(), "delay");
        let mut mark = Self { started, number, look: RETRIED, pause, ..Self::end(answered) };
        match &event.kind {
            EventKind::Waiting { status, progress, reason, .. } => {
                mark.look = ANSWERED;
                mark.pause = if *reason == DelayReason::Progress { AIMED } else { "pause" };
                mark.status = Some(status.as_str().to_owned());
                mark.progress = progress.map(|progress| progress.clamp(0.0, 100.0));
            }
            EventKind::Retrying { remedy: Remedy::BackOff, .. } => mark.look = THROTTLED,
            EventKind::Retrying { remedy: Remedy::FreshCredentials, .. } => mark.look = CORRECTED,
            _ => {}
        }
        if event.clock_offset.is_some() {
            // An answer with a status may correct the clock, too.
            mark.look = (CORRECTED.0, CORRECTED.1, mark.look.2);
        }
        if event.kind != EventKind::Ended {
            mark.note = format!("{}; {}", reason(event, None), action(event));
        }
        mark
    }

    /// Creates the mark of an end without a request.
    fn end(at: Duration) -> Self {
        let (number, note, status, progress) = (String::new(), String::new(), None, None);
        let (look, pause) = (FAILED, "pause");
        Self { started: at, answered: at, number, look, pause, status, progress, note }
    }

    fn draw(&self, svg: &mut String, x: f64, y: f64) {
        let (class, outline, _) = self.look;
        path(svg, class, &format!("M{x:.1} {y:.1}{outline}"));
    }
}

fn path(svg: &mut String, class: &str, line: &str) {
    *svg += &format!("<path class=\"{class}\" d=\"{line}\"/>\n");
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let text = escaped(text);
    *svg += &format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n");
}

/// Returns a text as short and valid XML, whatever the service sent.
fn escaped(text: &str) -> String {
    let text = printable(text).to_string();
    let short = truncate_str(&text, LONGEST_NOTE, "...");
    let text = short.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // XML has no way to write these two.
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// Returns the unit for a time, in seconds, and its name.
const fn unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        ..120.0 => (1.0, "s"),
        ..7_200.0 => (60.0, "min"),
        _ => (3_600.0, "h"),
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
