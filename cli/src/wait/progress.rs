//! Shows how a wait goes, on stderr: a bar on a terminal, else a line for each change.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tcss_export::{Event, EventKind};

use super::decision::worded;
use crate::terminal::output::{Output, has_bars};

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
        } else if has_bars() {
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
            Self::Lines { output, last } => {
                let is_change = *last != text;
                // Each failure is news, though the same words tell it.
                if is_change || matches!(event.kind, EventKind::Retrying { .. }) {
                    output.complain(&format!("{text}\n"));
                }
                *last = text;
            }
            Self::Silent => {}
        }
    }

    /// Does something that may write to the same terminal.
    pub(crate) fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        match self {
            Self::Bar(bar) => bar.suspend(act),
            Self::Lines { .. } | Self::Silent => act(),
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
    let bar = ProgressBar::new(100)
        .with_style(style.progress_chars("=> "))
        .with_message("waiting for the first answer");
    bar.enable_steady_tick(TICK);
    bar
}
