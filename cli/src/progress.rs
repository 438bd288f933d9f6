//! Progress on stderr: a bar on a terminal, otherwise lines.

use std::{
    cell::{Cell, RefCell},
    fmt::Write,
    pin::pin,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    time::Duration,
};

use console::Term;
use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use tcss_export::{
    core::Mono,
    download,
    driver::{Worker, clock},
    wait::{Event, EventKind},
};
use tokio::time::timeout;

use crate::{
    output::Output,
    text::{amount, share},
};

const WAIT_LINE: &str = "{bar}{elapsed:>4}  {wide_msg}";
const DOWNLOAD_LINE: &str = "{line}";
const EXCHANGE_LINE: &str = "{spinner} {elapsed:>3}  {wide_msg}";
/// How long an exchange takes before it is shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// The number of characters between the brackets of a bar.
const BAR: usize = 24;
/// On a narrower terminal the message of a wait needs the room of its bar.
const COLUMNS_FOR_BAR: usize = 60;
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

    /// Hides the bar while `act` may write to the same terminal.
    fn suspend<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
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
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Creates a style whose `key` is a text that depends on the width of the terminal now. A line
/// that is too long would wrap, and leave parts of itself behind.
fn fitted(
    template: &str,
    key: &'static str,
    text: fn(&ProgressState, usize) -> String,
) -> ProgressStyle {
    style(template).with_key(key, move |state: &ProgressState, out: &mut dyn Write| {
        let (_, columns) = Term::stderr().size();
        // Cannot fail: a bar writes to a string.
        let _ = out.write_str(&text(state, columns.into()));
    })
}

/// Draws a bar and a space, if the terminal has room for them beside a message.
fn wait_bar(state: &ProgressState, columns: usize) -> String {
    match columns < COLUMNS_FOR_BAR {
        true => String::new(),
        false => drawn(state.pos(), state.len().unwrap_or_default()),
    }
}

/// Draws a bar and a space: `[=====>                  ] `.
fn drawn(done: u64, total: u64) -> String {
    let filled = share(done, total, BAR as u64).min(BAR as u128) as usize;
    format!("[{:<BAR$.BAR$}] ", format!("{}>", "=".repeat(filled)))
}

/// The progress of single exchanges.
pub(crate) struct ExchangeProgress<'o> {
    output: &'o Output,
    bar: RefCell<Option<Bar>>,
    /// Whether a line already says that an exchange is under way.
    has_line: Cell<bool>,
}

impl<'o> ExchangeProgress<'o> {
    pub(crate) const fn new(output: &'o Output) -> Self {
        Self { output, bar: RefCell::new(None), has_line: Cell::new(false) }
    }

    /// Awaits exchanges, and shows that they are under way if they take long.
    pub(crate) async fn shown<T>(&self, exchanges: impl Future<Output = T>) -> T {
        let mut exchanges = pin!(exchanges);
        if let Ok(answer) = timeout(PATIENCE, &mut exchanges).await {
            return answer;
        }
        let text = "waiting for an answer";
        let bar = Bar::new(self.output, || {
            let style = style(EXCHANGE_LINE).tick_chars("-\\|/ ");
            ProgressBar::no_length().with_style(style).with_elapsed(PATIENCE).with_message(text)
        });
        if bar.bar.is_none() && !self.has_line.get() {
            self.output.progress(text);
        }
        self.bar.replace(Some(bar));
        let answer = exchanges.await;
        self.bar.take();
        answer
    }

    /// Prints a line, above the bar if there is one.
    pub(crate) fn line(&self, text: &str) {
        self.has_line.set(true);
        let print = || self.output.progress(text);
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
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
            let bar = ProgressBar::new(100).with_style(fitted(WAIT_LINE, "bar", wait_bar));
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
            if matches!(event.kind, EventKind::Retrying { .. }) {
                // A line, because a bar may be too short for the text.
                self.bar.suspend(|| self.output.progress(&text));
            } else {
                bar.set_message(text);
            }
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
        self.bar.suspend(act)
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
            ProgressBar::no_length().with_style(fitted(DOWNLOAD_LINE, "line", download_line))
        });
        Self { output, bar, lines: LineSchedule::new(clock::now().mono) }
    }

    /// Shows an event: by its text, or by the number of bytes.
    pub(crate) fn show(&mut self, event: &download::Event, text: Option<String>) {
        let Some(bar) = &self.bar.bar else { return self.line(event, text) };
        if let Some(text) = text {
            restart_rate(bar, event.bytes);
            self.bar.suspend(|| self.output.progress(&text));
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
    match event.total {
        Some(total) if bar.length() != Some(total) => {
            bar.set_length(total);
            restart_rate(bar, event.bytes);
        }
        _ => bar.set_position(event.bytes),
    }
}

/// Sets the position without effect on the rate, which counts from here on.
fn restart_rate(bar: &ProgressBar, bytes: u64) {
    bar.set_position(bytes);
    // Records the position; setting it may not. These bytes would be new ones after the reset.
    bar.tick();
    bar.reset_eta();
}

fn download_line(state: &ProgressState, columns: usize) -> String {
    fitting(columns, state.pos(), state.len(), state.per_sec(), state.eta())
}

/// Returns the most detailed line about a download that fits. The length of the file and the rate
/// may be unknown.
fn fitting(
    columns: usize,
    bytes: u64,
    total: Option<u64>,
    per_second: f64,
    left: Duration,
) -> String {
    let (done, rate) = (HumanBytes(bytes), per_second as u64);
    let rates = if rate == 0 { String::new() } else { format!(", {}/s", HumanBytes(rate)) };
    let left = if rate == 0 { String::new() } else { format!(", {:#} left", HumanDuration(left)) };
    let lines = match total {
        Some(total) => {
            let (bar, of, percent) =
                (drawn(bytes, total), HumanBytes(total), share(bytes, total, 100));
            vec![
                format!("{bar}{done} of {of}{rates}{left}"),
                format!("{done} of {of}{rates}{left}"),
                format!("{done} of {of}{left}"),
                format!("{percent} %{left}"),
                format!("{percent} %"),
            ]
        }
        None => vec![format!("{done}{rates}"), done.to_string()],
    };
    lines.into_iter().find(|line| line.len() <= columns).unwrap_or_default()
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
    fn a_line_of_a_download_has_what_fits() {
        let line = |columns| {
            let left = Duration::from_secs(5);
            fitting(columns, 640_000, Some(3_000_000), 444_068.0, left)
        };
        assert_eq!(
            line(80),
            "[=====>                  ] 625.00 KiB of 2.86 MiB, 433.66 KiB/s, 5s left"
        );
        assert_eq!(line(72).len(), 72);
        assert_eq!(line(71), "625.00 KiB of 2.86 MiB, 433.66 KiB/s, 5s left");
        assert_eq!(line(40), "625.00 KiB of 2.86 MiB, 5s left");
        assert_eq!(line(20), "21 %, 5s left");
        assert_eq!(line(4), "21 %");
        assert_eq!(line(3), "");
    }

    #[test]
    fn a_line_without_the_length_of_the_file_has_bytes_and_rate() {
        let line = |columns, rate| fitting(columns, 2048, None, rate, Duration::ZERO);
        assert_eq!(line(80, 1024.0), "2.00 KiB, 1.00 KiB/s");
        assert_eq!((line(19, 1024.0), line(80, 0.0)), ("2.00 KiB".into(), "2.00 KiB".into()));
    }

    #[test]
    fn rate_and_time_left_appear_once_the_rate_is_known() {
        let line = |rate| fitting(45, 2048, Some(4096), rate, Duration::from_secs(2));
        assert_eq!(line(0.9), "2.00 KiB of 4.00 KiB");
        assert_eq!(line(1024.0), "2.00 KiB of 4.00 KiB, 1.00 KiB/s, 2s left");
    }

    #[test]
    fn the_rate_after_a_resume_counts_only_new_bytes() {
        let bar = ProgressBar::hidden();
        // After this many changes at once, indicatif skips the next ones.
        (0..100).for_each(|bytes| bar.set_position(bytes));
        restart_rate(&bar, 1 << 60);
        assert_eq!(bar.per_sec(), 0.0);
        bar.set_position((1 << 60) + 1);
        bar.tick();
        // A byte in the shortest time of the clock; 2^60 bytes would exceed it even after minutes.
        assert!(bar.per_sec() <= 1e9, "{}", bar.per_sec());
    }

    #[test]
    fn a_bar_is_as_full_as_the_work_is_done() {
        assert_eq!(drawn(0, 100), "[>                       ] ");
        assert_eq!(drawn(50, 100), "[============>           ] ");
        assert_eq!(drawn(100, 100), "[========================] ");
        assert_eq!(drawn(300, 100), drawn(100, 100));
    }
}
