//! The signals that end a wait.

/// How a process is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "nobody sends one there"))]
pub(crate) enum Signal {
    /// SIGINT, by Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// Returns the exit code that shells give to a process which a signal has ended.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

/// Hands the first signal to `tell`, on a thread of its own. If nobody listens any more, and at
/// the second one, the process ends: it may hang where it writes.
///
/// If the signals cannot be had, they end the process as they always do.
#[cfg(unix)]
pub(crate) fn watch(mut tell: impl FnMut(Signal) -> bool + Send + 'static) {
    use signal_hook::{consts, iterator::Signals};

    let Ok(mut signals) = Signals::new([consts::SIGINT, consts::SIGTERM]) else { return };
    std::thread::spawn(move || {
        for (nth, number) in signals.forever().enumerate() {
            let is_interrupt = number == consts::SIGINT;
            let signal = if is_interrupt { Signal::Interrupt } else { Signal::Terminate };
            if nth > 0 || !tell(signal) {
                std::process::exit(signal.exit_code().into());
            }
        }
    });
}

/// Elsewhere a Ctrl-C ends the process as it always does.
#[cfg(not(unix))]
pub(crate) fn watch(_: impl FnMut(Signal) -> bool + Send + 'static) {}
