//! SIGINT and SIGTERM.

#[cfg(unix)]
use std::{io, process, thread};

use tokio::sync::mpsc::{self, Receiver};
#[cfg(unix)]
use tokio::{
    runtime::Builder,
    select,
    signal::unix::{SignalKind, signal},
    sync::mpsc::Sender,
};

/// A request to end the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "signals are watched on unix only"))]
pub(crate) enum Signal {
    /// SIGINT, as sent by Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// The signals to this process.
pub(crate) struct Signals(Receiver<Signal>);

impl Signal {
    /// Returns the exit code that shells use for a process that a signal ended.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

impl Signals {
    /// Watches for signals from now on.
    ///
    /// The first one goes to [`first`](Self::first). The second one ends the process, and so does
    /// the first one if this value is gone. If signals cannot be watched, they end the process as
    /// they do by default.
    pub(crate) fn watch() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        #[cfg(unix)]
        let _ = spawn_watcher(sender);
        #[cfg(not(unix))]
        drop(sender);
        Self(receiver)
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&mut self) -> Signal {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// Watches on a thread and a runtime of its own: the main thread may hang in a write to a pipe
/// that is full, and the second signal must end the process even then.
#[cfg(unix)]
fn spawn_watcher(sender: Sender<Signal>) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let context = runtime.enter();
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    drop(context);
    thread::spawn(move || {
        runtime.block_on(async {
            let mut is_first = true;
            loop {
                let signal = select! {
                    _ = interrupts.recv() => Signal::Interrupt,
                    _ = terminations.recv() => Signal::Terminate,
                };
                if !is_first || sender.try_send(signal).is_err() {
                    process::exit(signal.exit_code().into());
                }
                is_first = false;
            }
        });
    });
    Ok(())
}
