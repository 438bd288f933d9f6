//! Progress on stderr: a bar on a terminal, otherwise lines.

use std::{
    fmt::Write,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    time::Duration,
};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use tcss_export::{
    core::Mono,
    download,
    driver::{Worker, clock},
    wait::{Event, EventKind},
};

use crate::{
    output::Output,
    text::{amount, share},
};

const WAIT_BAR: &str = "[{bar:24}] {elapsed:>4}  {wide_msg}";
const DOWNLOAD_BAR: &str = "[{bar:24}] {bytes} of {total_bytes}{rate}";
/// The bar of a download until a server sends the length of the file.
const DOWNLOAD_WITHOUT_LENGTH: &str = "{bytes}{rate}";
/// How often a bar is redrawn.
const REDRAW: Duration = Duration::from_millis(250);
/// The longest time between two lines of a download.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// A bar on a terminal, cleared at the end; without a bar, progress is lines.
struct Bar {
    bar: Option<ProgressBar>,
    /// Ends the redraw thread on drop.
    _redraw: Option<Sender<()>>,
}

impl Bar {
    /// Asks indicatif whether stderr can show a bar: it hides one, for example, if TERM=dumb.
    fn new(output: &Output, bar: impl FnOnce() -> ProgressBar) -> Self {
        let bar = (!output.quiet).then(bar).filter(|bar| !bar.is_hidden());
        Self { _redraw: bar.as_ref().and_then(redraw), bar }
    }
}

/// Redraws a bar between events, on a thread. If no thread can start, only events redraw it;
/// `enable_steady_tick` would panic.
fn redraw(bar: &ProgressBar) -> Option<Sender<()>> {
    let (sender, receiver) = mpsc::channel();
    let bar = bar.clone();
    let redraw = move || {
        while receiver.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
            bar.tick();
        }
    };
    drop(Worker::start().ok()?.run(redraw));
    Some(sender)
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// The progress of a wait.
pub(crate) struct WaitProgress<'o> {
    output: &'o Output,
    bar: Bar,
    last: String,
}

impl<'o> WaitProgress<'o> {
    pub(crate) fn new(output: &'o Output) -> Self {
        let bar = Bar::new(output, || {
            let bar = ProgressBar::new(100).with_style(style(WAIT_BAR));
            bar.with_message("waiting for the first answer")
        });
        Self { output, bar, last: String::new() }
    }

    /// Shows an event by its text, if it has one.
    pub(crate) fn show(&mut self, event: &Event, text: Option<String>) {
        let Some(text) = text else { return };
        if let Some(bar) = &self.bar.bar {
            if let EventKind::Waiting { progress: Some(progress), .. } = event.kind {
                // The service may send any number.
                bar.set_position(progress.clamp(0.0, 100.0) as u64);
            }
            bar.set_message(text);
            return;
        }
        // Each fault gets a line, even if its text is the same.
        if self.last != text || matches!(event.kind, EventKind::Retrying { .. }) {
            self.output.progress(&text);
        }
        self.last = text;
    }

    /// Hides the bar while `act` may write to the same terminal.
    pub(crate) fn suspend<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.bar.bar {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }
}

/// The progress of a download.
pub(crate) struct DownloadProgress<'o> {
    output: &'o Output,
    bar: Bar,
    lines: LineSchedule,
}

impl<'o> DownloadProgress<'o> {
    pub(crate) fn new(output: &'o Output) -> Self {
        let bar = Bar::new(output, || {
            ProgressBar::no_length().with_style(download_style(DOWNLOAD_WITHOUT_LENGTH))
        });
        Self { output, bar, lines: LineSchedule::new(clock::now().mono) }
    }

    /// Shows an event: by its text, or by the number of bytes.
    pub(crate) fn show(&mut self, event: &download::Event, text: Option<String>) {
        let Some(bar) = &self.bar.bar else { return self.line(event, text) };
        if let Some(text) = text {
            bar.set_position(event.bytes);
            // The rate counts from here on.
            bar.reset_eta();
            bar.suspend(|| self.output.progress(&text));
        } else if event.kind == download::EventKind::Receiving {
            advance(bar, event);
        }
    }

    /// Prints the text, or the number of bytes if a line is due.
    fn line(&mut self, event: &download::Event, text: Option<String>) {
        let (bytes, total, now) = (event.bytes, event.total, clock::now().mono);
        let is_receiving = event.kind == download::EventKind::Receiving;
        if text.is_none() && !(is_receiving && self.lines.is_due(bytes, total, now)) {
            return;
        }
        self.output.progress(&text.unwrap_or_else(|| amount(bytes, total)));
        self.lines.printed(bytes, total, now);
    }
}

fn advance(bar: &ProgressBar, event: &download::Event) {
    if let Some(total) = event.total.filter(|total| bar.length() != Some(*total)) {
        bar.set_style(download_style(DOWNLOAD_BAR));
        bar.set_length(total);
        bar.set_position(event.bytes);
        bar.reset_eta();
    }
    bar.set_position(event.bytes);
}

fn download_style(template: &str) -> ProgressStyle {
    style(template).with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
        let left = state.len().map(|_| state.eta());
        // Cannot fail: a bar writes to a string.
        let _ = out.write_str(&rate(state.per_sec(), left));
    })
}

/// Formats the rate and the time left; returns nothing until the rate is known.
fn rate(per_second: f64, left: Option<Duration>) -> String {
    let rate = per_second as u64;
    if rate == 0 {
        return String::new();
    }
    let left = left.map(|left| format!(", {:#} left", HumanDuration(left)));
    format!(", {}/s{}", HumanBytes(rate), left.unwrap_or_default())
}

/// Decides when a download prints a line: after each tenth of the file and each
/// [`LINE_INTERVAL`].
struct LineSchedule {
    /// The bytes at the last event.
    bytes: Option<u64>,
    /// The tenths of the file at the last line.
    tenths: u128,
    /// The time of the last line.
    last: Mono,
}

impl LineSchedule {
    const fn new(now: Mono) -> Self {
        Self { bytes: None, tenths: 0, last: now }
    }

    /// Requires new bytes: those of an earlier run and refusals have texts of their own.
    fn is_due(&mut self, bytes: u64, total: Option<u64>, now: Mono) -> bool {
        let before = self.bytes.replace(bytes);
        let is_late = now.saturating_since(self.last) >= LINE_INTERVAL;
        // The result covers the last tenth.
        let is_tenth = (self.tenths + 1..10).contains(&tenths(bytes, total));
        before.is_some_and(|before| bytes > before) && (is_late || is_tenth)
    }

    fn printed(&mut self, bytes: u64, total: Option<u64>, now: Mono) {
        *self = Self { bytes: Some(bytes), tenths: tenths(bytes, total), last: now };
    }
}

fn tenths(bytes: u64, total: Option<u64>) -> u128 {
    total.map_or(0, |total| share(bytes, total, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Mono = Mono::from_origin(Duration::from_secs(100));
    const LATER: Mono = Mono::from_origin(Duration::from_secs(105));

    #[test]
    fn a_line_is_due_after_each_tenth_except_the_last_and_after_some_time() {
        let mut lines = LineSchedule::new(NOW);
        let mut due = |bytes, now| {
            let is_due = lines.is_due(bytes, Some(100), now);
            if is_due {
                lines.printed(bytes, Some(100), now);
            }
            is_due
        };
        let due_now = [0, 9, 10, 19, 40, 45].map(|bytes| due(bytes, NOW));
        assert_eq!(due_now, [false, false, true, false, true, false]);
        assert!(due(49, LATER) && !due(100, LATER));
    }

    #[test]
    fn the_bytes_of_an_earlier_run_get_no_line() {
        let mut lines = LineSchedule::new(NOW);
        assert!(!lines.is_due(60, Some(100), NOW));
        assert!(lines.is_due(61, Some(100), NOW));
    }

    #[test]
    fn without_a_byte_no_line_is_due_at_any_time() {
        let mut lines = LineSchedule::new(NOW);
        assert!([LATER, LATER].iter().all(|now| !lines.is_due(0, None, *now)));
        assert!(lines.is_due(1, None, LATER));
    }

    #[test]
    fn rate_and_time_left_appear_once_the_rate_is_known() {
        assert_eq!(rate(0.0, Some(Duration::ZERO)), "");
        assert_eq!(rate(0.0, None), "");
        assert_eq!(rate(2048.0, Some(Duration::from_secs(5))), ", 2.00 KiB/s, 5s left");
        assert_eq!(rate(2048.0, None), ", 2.00 KiB/s");
    }
}
