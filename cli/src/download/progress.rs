//! Shows how a download goes, on stderr: a bar on a terminal, else a line now and then.

use std::{fmt::Write, time::Duration};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use tcss_export::{
    Mono,
    download::{Event, EventKind},
    driver::clock,
};

use crate::terminal::{
    amount,
    output::{Output, has_bars},
    share,
};

const BAR: &str = "[{bar:24}] {bytes} of {total_bytes}{pace}";
/// How it is shown as long as no server has said how much there is.
const WITHOUT_TOTAL: &str = "{bytes}{pace}";
/// Between lines there is a tenth of the file, or this time.
const PAUSE: Duration = Duration::from_secs(5);
/// How often the time on the bar is drawn anew.
const TICK: Duration = Duration::from_millis(250);

pub(crate) struct Progress<'o> {
    display: Display<'o>,
}

enum Display<'o> {
    /// What is told stays above the bar.
    Bar {
        bar: ProgressBar,
        output: &'o Output,
    },
    Lines(Lines<'o>),
    Silent,
}

struct Lines<'o> {
    output: &'o Output,
    pace: Pace,
}

/// When a line is due.
struct Pace {
    /// How many bytes there were at the last event.
    bytes: Option<u64>,
    /// How many tenths were there at the last line.
    tenths: u128,
    /// When the last line was.
    last: Mono,
}

impl<'o> Progress<'o> {
    pub(crate) fn new(output: &'o Output) -> Self {
        let display = if output.is_quiet() {
            Display::Silent
        } else if has_bars() {
            Display::Bar { bar: bar(), output }
        } else {
            Display::Lines(Lines { output, pace: Pace::new(clock::now().mono) })
        };
        Self { display }
    }

    /// Shows an event, which has words if it is a turn.
    pub(crate) fn show(&mut self, event: &Event, turn: Option<String>) {
        if let Some(text) = turn {
            self.display.tell(event, &text);
        } else if event.kind == EventKind::Receiving {
            self.display.advance(event);
        }
    }
}

impl Display<'_> {
    fn tell(&mut self, event: &Event, text: &str) {
        match self {
            Self::Bar { bar, output } => {
                bar.set_position(event.bytes);
                // The rate is that of what comes from here on.
                bar.reset_eta();
                bar.suspend(|| output.complain(&format!("{text}\n")));
            }
            Self::Lines(lines) => lines.tell(event, text),
            Self::Silent => {}
        }
    }

    fn advance(&mut self, event: &Event) {
        match self {
            Self::Bar { bar, .. } => advance(bar, event),
            Self::Lines(lines) => lines.advance(event),
            Self::Silent => {}
        }
    }
}

impl Lines<'_> {
    fn advance(&mut self, event: &Event) {
        if self.pace.is_due(event.bytes, event.total, clock::now().mono) {
            self.tell(event, &amount(event.bytes, event.total));
        }
    }

    fn tell(&mut self, event: &Event, text: &str) {
        self.output.complain(&format!("{text}\n"));
        self.pace.told(event.bytes, event.total, clock::now().mono);
    }
}

impl Pace {
    const fn new(now: Mono) -> Self {
        Self { bytes: None, tenths: 0, last: now }
    }

    /// Without new bytes there is no news: those of an earlier run are told when it goes on behind
    /// them, and a refusal brings none.
    fn is_due(&mut self, bytes: u64, total: Option<u64>, now: Mono) -> bool {
        let before = self.bytes.replace(bytes);
        let is_late = now.saturating_since(self.last) >= PAUSE;
        // The result tells of the last tenth.
        let is_tenth = (self.tenths + 1..10).contains(&tenths(bytes, total));
        before.is_some_and(|before| bytes > before) && (is_late || is_tenth)
    }

    fn told(&mut self, bytes: u64, total: Option<u64>, now: Mono) {
        *self = Self { bytes: Some(bytes), tenths: tenths(bytes, total), last: now };
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Display::Bar { bar, .. } = &self.display {
            bar.finish_and_clear();
        }
    }
}

fn tenths(bytes: u64, total: Option<u64>) -> u128 {
    total.map_or(0, |total| share(bytes, total, 10))
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length().with_style(style(WITHOUT_TOTAL));
    bar.enable_steady_tick(TICK);
    bar
}

fn advance(bar: &ProgressBar, event: &Event) {
    if let Some(total) = event.total.filter(|total| bar.length() != Some(*total)) {
        bar.set_style(style(BAR));
        bar.set_length(total);
        bar.set_position(event.bytes);
        bar.reset_eta();
    }
    bar.set_position(event.bytes);
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    style.with_key("pace", |state: &ProgressState, out: &mut dyn Write| {
        let left = state.len().map(|_| state.eta());
        // A bar has no way to fail.
        let _ = out.write_str(&pace(state.per_sec(), left));
    })
}

/// Words rate and time left; nothing as long as no rate is known.
fn pace(per_second: f64, left: Option<Duration>) -> String {
    let rate = per_second as u64;
    if rate == 0 {
        return String::new();
    }
    let left = left.map(|left| format!(", {:#} left", HumanDuration(left)));
    format!(", {}/s{}", HumanBytes(rate), left.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Mono = Mono::from_origin(Duration::from_secs(100));
    const LATER: Mono = Mono::from_origin(Duration::from_secs(105));

    #[test]
    fn a_line_is_due_at_each_tenth_but_the_last_and_now_and_then() {
        let mut pace = Pace::new(NOW);
        let mut due = |bytes, now| {
            let is_due = pace.is_due(bytes, Some(100), now);
            if is_due {
                pace.told(bytes, Some(100), now);
            }
            is_due
        };
        let due_now = [0, 9, 10, 19, 40, 45].map(|bytes| due(bytes, NOW));
        assert_eq!(due_now, [false, false, true, false, true, false]);
        assert!(due(49, LATER) && !due(100, LATER));
    }

    #[test]
    fn what_an_earlier_run_has_left_is_no_line_of_its_own() {
        let mut pace = Pace::new(NOW);
        assert!(!pace.is_due(60, Some(100), NOW));
        assert!(pace.is_due(61, Some(100), NOW));
    }

    #[test]
    fn no_bytes_are_no_line_however_long_none_has_come() {
        let mut pace = Pace::new(NOW);
        assert!([LATER, LATER].iter().all(|now| !pace.is_due(0, None, *now)));
        assert!(pace.is_due(1, None, LATER));
    }

    #[test]
    fn before_a_rate_is_known_there_is_neither_rate_nor_time_left() {
        assert_eq!(pace(0.0, Some(Duration::ZERO)), "");
        assert_eq!(pace(0.0, None), "");
        assert_eq!(pace(2048.0, Some(Duration::from_secs(5))), ", 2.00 KiB/s, 5s left");
        assert_eq!(pace(2048.0, None), ", 2.00 KiB/s");
    }
}
