//! Shows how a wait goes, on stderr: a bar on a terminal, else a line for each change.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tcss_export::{Event, EventKind, ExportStatus, Fault, text::printable};

use crate::{masking::masked, output::Output, standing::percent};

const BAR: &str = "[{bar:24}] {elapsed:>4}  {wide_msg}";
/// How often the time on the bar is drawn anew.
const TICK: Duration = Duration::from_millis(250);

pub(crate) enum Progress<'o> {
    Bar(ProgressBar),
    Lines { output: &'o Output, last: String },
    Silent,
}

impl<'o> Progress<'o> {
    pub(crate) fn new(output: &'o Output) -> Self {
        if output.is_quiet() {
            Self::Silent
        } else if io::stderr().is_terminal() {
            Self::Bar(bar())
        } else {
            Self::Lines { output, last: String::new() }
        }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        let Some(text) = worded(event) else { return };
        match self {
            Self::Bar(bar) => {
                if let EventKind::Waiting { progress: Some(progress), .. } = event.kind {
                    // Whatever the service sends, a bar ends at 100.
                    bar.set_position(progress.clamp(0.0, 100.0) as u64);
                }
                bar.set_message(text);
            }
            Self::Lines { output, last } if *last != text => {
                output.complain(&format!("{text}\n"));
                *last = text;
            }
            Self::Lines { .. } | Self::Silent => {}
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(100).with_style(style.progress_chars("=> ")).with_message("asking");
    bar.enable_steady_tick(TICK);
    bar
}

/// Words an event in one line; the end of a wait is told by its result.
pub(crate) fn worded(event: &Event) -> Option<String> {
    let text = match &event.kind {
        EventKind::Waiting { status, progress, .. } => standing(status, *progress),
        EventKind::Retrying { fault, .. } => match event.clock_offset {
            Some(offset) => format!("{}; the clock is corrected by {offset}", brief(fault)),
            None => format!("{}; asking again", brief(fault)),
        },
        _ => return None,
    };
    Some(printable(&masked(&text)).to_string())
}

fn standing(status: &ExportStatus, progress: Option<f64>) -> String {
    // Were there a URL, the wait would have ended.
    if *status == ExportStatus::Success {
        return format!("{status}, but no URL yet");
    }
    let status = if status.as_str().is_empty() { "no status" } else { status.as_str() };
    let percent = progress.map(|progress| format!(" {}", percent(progress))).unwrap_or_default();
    format!("{status}{percent}")
}

/// Names a fault by its code, if it has one.
fn brief(fault: &Fault) -> String {
    match fault.code() {
        Some(code) => code.to_string(),
        None => fault.to_string(),
    }
}
