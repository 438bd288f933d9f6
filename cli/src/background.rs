//! Work on a thread of its own: what it tells, its end, and the signals to this process, as one
//! row of news.

use std::{
    panic,
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::terminal::signals::{self, Signal};

/// What the main thread is told.
enum News<P> {
    /// The work goes on.
    Progress(P),
    /// The work has its result.
    Done,
    Signal(Signal),
}

/// Where the news come together.
///
/// Whoever stops listening ends nothing that is under way: the threads end with the process.
pub(crate) struct Desk {
    caller: Sender<Call>,
    calls: Receiver<Call>,
}

/// A piece of work that is under way.
pub(crate) struct Work<'d, P, T> {
    calls: &'d Receiver<Call>,
    progress: Receiver<P>,
    thread: JoinHandle<T>,
}

/// Tells the main thread how a piece of work goes on.
pub(crate) struct Teller<P> {
    // Dropped first, so that the last ring finds it gone.
    progress: Sender<P>,
    bell: Bell,
}

/// Why the main thread wakes up.
enum Call {
    /// Some work has told something, or is done.
    Ring,
    Signal(Signal),
}

/// Rings on drop, too: a piece of work may end by a panic.
struct Bell(Sender<Call>);

impl Desk {
    /// Watches signals from here on.
    pub(crate) fn open() -> Self {
        let desk = Self::without_signals();
        let caller = desk.caller.clone();
        signals::watch(move |signal| caller.send(Call::Signal(signal)).is_ok());
        desk
    }

    pub(crate) fn without_signals() -> Self {
        let (caller, calls) = mpsc::channel();
        Self { caller, calls }
    }

    /// Begins one piece of work.
    pub(crate) fn start<P, T>(
        &self,
        work: impl FnOnce(&Teller<P>) -> T + Send + 'static,
    ) -> Work<'_, P, T>
    where
        P: Send + 'static,
        T: Send + 'static,
    {
        let (sender, progress) = mpsc::channel();
        let teller = Teller { progress: sender, bell: Bell(self.caller.clone()) };
        let thread = thread::spawn(move || work(&teller));
        Work { calls: &self.calls, progress, thread }
    }
}

impl<P, T> Work<'_, P, T> {
    /// Hands on what the work tells until it is done, or a signal comes, which is returned.
    ///
    /// # Errors
    ///
    /// That of `hear`, which ends the listening, not the work.
    pub(crate) fn listen<E>(
        &self,
        mut hear: impl FnMut(P) -> Result<(), E>,
    ) -> Result<Option<Signal>, E> {
        loop {
            match self.next() {
                News::Progress(progress) => hear(progress)?,
                News::Done => return Ok(None),
                News::Signal(signal) => return Ok(Some(signal)),
            }
        }
    }

    /// Waits for what comes next.
    fn next(&self) -> News<P> {
        loop {
            // The desk could ring itself, so that calls never end.
            if let Ok(Call::Signal(signal)) = self.calls.recv() {
                return News::Signal(signal);
            }
            match self.progress.try_recv() {
                Ok(progress) => return News::Progress(progress),
                Err(TryRecvError::Disconnected) => return News::Done,
                // It was rung by work that nobody listens to any more.
                Err(TryRecvError::Empty) => {}
            }
        }
    }

    /// Listens no more, and gives the work a moment to notice and to clear up; returns its result
    /// if it has one by then.
    ///
    /// # Panics
    ///
    /// As for [`result`](Self::result).
    pub(crate) fn leave(self) -> Option<T> {
        const MOMENT: Duration = Duration::from_millis(300);
        drop(self.progress);
        let left = Instant::now();
        while !self.thread.is_finished() && left.elapsed() < MOMENT {
            thread::sleep(Duration::from_millis(1));
        }
        self.thread.is_finished().then(|| joined(self.thread))
    }

    /// Waits for the result.
    ///
    /// # Panics
    ///
    /// If the work has panicked, which has been told already.
    pub(crate) fn result(self) -> T {
        joined(self.thread)
    }
}

fn joined<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
}

impl<P> Teller<P> {
    /// Returns whether anybody listens: if not, the process is about to end.
    pub(crate) fn tell(&self, progress: P) -> bool {
        let is_heard = self.progress.send(progress).is_ok();
        self.bell.ring();
        is_heard
    }
}

impl Bell {
    fn ring(&self) {
        let _ = self.0.send(Call::Ring);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_told_comes_in_order_and_the_result_last() {
        let desk = Desk::without_signals();
        let work = desk.start(|teller| {
            assert!((0..3).all(|n| teller.tell(n)));
            "result"
        });
        for expected in 0..3 {
            assert!(matches!(work.next(), News::Progress(n) if n == expected));
        }
        assert!(matches!(work.next(), News::Done));
        assert_eq!(work.result(), "result");
    }

    #[test]
    fn who_has_heard_enough_listens_no_more() {
        let desk = Desk::without_signals();
        let work = desk.start(|teller| (0..3).all(|n| teller.tell(n)));
        assert_eq!(work.listen(|n| if n < 1 { Ok(()) } else { Err(n) }), Err(1));
        assert!(matches!(work.next(), News::Progress(2)));
        assert_eq!(work.listen(Err), Ok(None));
    }

    #[test]
    fn a_signal_is_told_while_work_is_under_way() {
        let desk = Desk::without_signals();
        let (end, ended) = mpsc::channel::<()>();
        let work = desk.start(move |_: &Teller<()>| ended.recv().is_err());
        desk.caller.send(Call::Signal(Signal::Interrupt)).unwrap();
        assert!(matches!(work.next(), News::Signal(Signal::Interrupt)));
        drop(end);
        assert!(matches!(work.next(), News::Done));
        assert!(work.result());
    }

    #[test]
    fn work_that_was_left_does_not_disturb_the_next() {
        let desk = Desk::without_signals();
        drop(desk.start(|teller| teller.tell(1)));
        let work = desk.start(|teller| teller.tell(2));
        assert!(matches!(work.next(), News::Progress(2)));
        assert!(matches!(work.next(), News::Done));
    }

    #[test]
    fn work_that_is_left_notices_and_is_waited_for() {
        let (desk, (end, ended)) = (Desk::without_signals(), mpsc::channel());
        let work = desk.start(move |teller| {
            while teller.tell(()) {
                thread::yield_now();
            }
            end.send("it has cleared up").unwrap();
        });
        assert!(matches!(work.next(), News::Progress(())));
        assert_eq!(work.leave(), Some(()));
        assert_eq!(ended.recv(), Ok("it has cleared up"));
    }

    #[test]
    fn a_panic_ends_the_work_and_reaches_whoever_wants_the_result() {
        let desk = Desk::without_signals();
        let work = desk.start(|_: &Teller<()>| panic::resume_unwind(Box::new("why")));
        assert!(matches!(work.next(), News::Done));
        let payload = panic::catch_unwind(panic::AssertUnwindSafe(|| work.result())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"why"));
    }
}
