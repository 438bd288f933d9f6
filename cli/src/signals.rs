//! SIGINT and SIGTERM.

use std::future::pending;
#[cfg(unix)]
use std::{fs, io, process};

#[cfg(unix)]
use tcss_export::driver::Worker;
use tokio::sync::mpsc::{self, Receiver};
#[cfg(unix)]
use tokio::{
    runtime::{Builder, Runtime},
    select,
    signal::unix::{self, SignalKind},
    sync::mpsc::Sender,
};

use crate::error::Result;
#[cfg(unix)]
use crate::{
    error::{Error, ErrorKind},
    text::with_sources,
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
    /// the first one if this value is gone. A signal that was ignored at the start stays ignored,
    /// as SIGINT is for `tcss-export run .. &` in a script.
    ///
    /// # Errors
    ///
    /// If the process can start no thread or open no file. The signals then end the process by
    /// default.
    pub(crate) fn watch() -> Result<Self> {
        let (sender, receiver) = mpsc::channel(1);
        #[cfg(unix)]
        start_watcher(sender).map_err(|error| {
            let message = format!("signals cannot be watched: {}", with_sources(&error));
            Error::new(ErrorKind::Resource, message).or_limit(&error)
        })?;
        #[cfg(not(unix))]
        drop(sender);
        Ok(Self(receiver))
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&mut self) -> Signal {
        match self.0.recv().await {
            Some(signal) => signal,
            None => pending().await,
        }
    }
}

/// Watches on a thread and a runtime of its own: the main thread may hang in a write to a pipe
/// that is full, and the second signal must end the process even then.
#[cfg(unix)]
fn start_watcher(sender: Sender<Signal>) -> io::Result<()> {
    let (ready, is_ready) = std::sync::mpsc::channel();
    // The thread also builds the runtime. If the thread cannot start, a calling async function
    // would have to drop the runtime, and tokio panics at that.
    let watcher = Worker::start()?.run(move || match watched() {
        Ok(watched) => {
            let _ = ready.send(Ok(()));
            watch_with(watched, &sender);
        }
        Err(error) => ready.send(Err(error)).unwrap_or_default(),
    });
    drop(watcher);
    is_ready.recv().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
}

/// The runtime of the watcher, and the streams of SIGINT and SIGTERM, unless they are ignored.
#[cfg(unix)]
type Watched = (Runtime, [Option<unix::Signal>; 2]);

/// The number of SIGXFSZ on the systems that Rust supports, but for MIPS.
#[cfg(unix)]
const FILE_SIZE_EXCEEDED: i32 = 25;

#[cfg(unix)]
fn watched() -> io::Result<Watched> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let context = runtime.enter();
    // Only Linux says which signals are ignored.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let watch = |kind| (!is_ignored(&status, kind)).then(|| unix::signal(kind)).transpose();
    let [interrupts, terminations] = [SignalKind::interrupt(), SignalKind::terminate()].map(watch);
    // With a handler, a write beyond the limit of a file's size fails instead of ending the
    // process.
    drop(unix::signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?);
    drop(context);
    Ok((runtime, [interrupts?, terminations?]))
}

/// Returns whether a process ignores a signal, by its `/proc/PID/status`.
#[cfg(unix)]
fn is_ignored(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit 0 is signal 1.
    mask.unwrap_or_default() >> (kind.as_raw_value() - 1) & 1 == 1
}

/// Waits for a signal; forever, if it is ignored.
#[cfg(unix)]
async fn received(stream: &mut Option<unix::Signal>) {
    match stream {
        Some(stream) => drop(stream.recv().await),
        None => pending().await,
    }
}

#[cfg(unix)]
fn watch_with((runtime, [mut interrupts, mut terminations]): Watched, sender: &Sender<Signal>) {
    runtime.block_on(async {
        let mut is_first = true;
        loop {
            let signal = select! {
                () = received(&mut interrupts) => Signal::Interrupt,
                () = received(&mut terminations) => Signal::Terminate,
            };
            if !is_first || sender.try_send(signal).is_err() {
                process::exit(signal.exit_code().into());
            }
            is_first = false;
        }
    });
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// The masks are from a shell that has run `trap "" INT`; by `trap "" TERM` the other one.
    #[test]
    fn the_mask_of_the_process_says_which_signals_are_ignored() {
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()];
        for (status, expected) in [
            ("SigBlk:\t0000000000000002\nSigIgn:\t0000000000000002\nSigCgt:\t0", [true, false]),
            ("SigIgn:\t0000000000004000\n", [false, true]),
            ("SigIgn:\t0000000000001000\n", [false, false]),
            ("", [false, false]),
        ] {
            assert_eq!([interrupt, terminate].map(|kind| is_ignored(status, kind)), expected);
        }
    }
}
