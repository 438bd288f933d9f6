//! A thread for work that blocks, and the limits of the process that it can reach.

use std::{
    error::Error,
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    sync::mpsc,
    thread, vec,
};

use futures_channel::oneshot;

use crate::transport_error::chain;

/// A thread that runs blocking work for async code, on any runtime.
///
/// It runs one task after the other. After the worker is dropped, the thread completes its tasks
/// and ends.
#[derive(Debug)]
pub struct Worker(mpsc::Sender<Work>);

type Work = Box<dyn FnOnce() + Send>;

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the system has no further thread: see [`ResourceLimit::Threads`].
    pub fn start() -> io::Result<Self> {
        let (sender, works) = mpsc::channel::<Work>();
        let thread = thread::Builder::new().name("tcss-export".to_owned());
        thread
            .spawn(move || works.into_iter().for_each(|work| work()))
            .map_err(|error| io::Error::other(ThreadError(error)))?;
        Ok(Self(sender))
    }

    /// Runs work on the thread. It completes even if the future is dropped.
    ///
    /// # Errors
    ///
    /// If this work or an earlier one panicked.
    pub fn run<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> impl Future<Output = io::Result<T>> + Send + use<T, F> {
        let (sender, result) = oneshot::channel();
        // If the thread has ended, this drops the sender and the future fails. If the future was
        // dropped, the result is not needed.
        let _ = self.0.send(Box::new(move || drop(sender.send(work()))));
        async { result.await.map_err(|_| io::Error::other("the thread of this work panicked")) }
    }

    /// Resolves a host's name on the thread, as the system does. The addresses have port 0.
    ///
    /// # Errors
    ///
    /// If the system has no address for the name.
    pub async fn look_up(&self, host: String) -> io::Result<vec::IntoIter<SocketAddr>> {
        self.run(move || (host, 0).to_socket_addrs()).await.flatten()
    }
}

/// The system has no further thread. Its error may be `WouldBlock`, which would count as a timeout.
#[derive(Debug)]
pub(crate) struct ThreadError(io::Error);

impl fmt::Display for ThreadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a thread cannot be started")
    }
}

impl Error for ThreadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// A limit of the process or of the system, which another program or a setting can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceLimit {
    /// No further thread can be started.
    Threads,
    /// No further file or socket can be opened.
    OpenFiles,
    /// No further memory is available.
    Memory,
}

impl ResourceLimit {
    /// Returns the limit that an error or one of its sources reports, such as a
    /// [`TransportError`](crate::TransportError) or a [`FileError`](crate::FileError).
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        chain(error).find_map(Self::of_one)
    }

    fn of_one(error: &(dyn Error + 'static)) -> Option<Self> {
        if error.is::<ThreadError>() {
            return Some(Self::Threads);
        }
        let error: &io::Error = error.downcast_ref()?;
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::OutOfMemory, _) => Some(Self::Memory),
            (_, Some(ENFILE | EMFILE)) if cfg!(unix) => Some(Self::OpenFiles),
            _ => None,
        }
    }
}

/// The system has too many open files. Every Unix uses this number.
const ENFILE: i32 = 23;
/// The process has too many open files.
const EMFILE: i32 = 24;

#[cfg(test)]
mod tests {
    use tcss_export_core::TransportErrorKind;

    use super::*;
    use crate::transport_error::TransportError;

    #[test]
    fn work_completes_in_order_after_its_futures_are_dropped() {
        let worker = Worker::start().expect("a thread");
        let (sender, receiver) = mpsc::channel();
        for nth in 0..3 {
            let sender = sender.clone();
            drop(worker.run(move || sender.send(nth).expect("a receiver")));
        }
        drop((worker, sender));
        assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[tokio::test]
    async fn after_a_panic_all_work_fails() {
        let worker = Worker::start().expect("a thread");
        worker.run(|| panic!("expected")).await.expect_err("no result");
        worker.run(|| ()).await.expect_err("no thread");
    }

    #[test]
    fn a_wrapped_limit_is_found() {
        let of =
            |error: io::Error| ResourceLimit::of(&TransportError::from(io::Error::other(error)));
        let again = io::Error::from(io::ErrorKind::WouldBlock);
        assert_eq!(of(io::Error::other(ThreadError(again))), Some(ResourceLimit::Threads));
        assert_eq!(of(io::ErrorKind::OutOfMemory.into()), Some(ResourceLimit::Memory));
        if cfg!(unix) {
            for code in [ENFILE, EMFILE] {
                let limit = of(io::Error::from_raw_os_error(code));
                assert_eq!(limit, Some(ResourceLimit::OpenFiles));
            }
        }
        for kind in [io::ErrorKind::WouldBlock, io::ErrorKind::ConnectionRefused] {
            assert_eq!(of(kind.into()), None);
        }
    }

    #[test]
    fn a_missing_thread_is_no_timeout() {
        let again = io::Error::from(io::ErrorKind::WouldBlock);
        let error = TransportError::from(io::Error::other(ThreadError(again)));
        assert_eq!(error.kind(), TransportErrorKind::Connection);
    }
}
