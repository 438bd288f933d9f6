//! Several exchanges at once over a transport that blocks: each of its calls runs on a thread.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::stream::{self, Stream, StreamExt};
use http::{Request, Response};
use tcss_export_core::{Mono, Now};

use crate::{
    blocking,
    cancel::Cancel,
    lock,
    transport::{Blocking, Body, OwnedSend, Transport},
    transport_error::TransportError,
};

/// An async transport over a blocking one, whose calls it runs on threads. Clones share the
/// threads.
///
/// Run its futures with [`run`](Self::run). Once the last clone is dropped, each thread ends after
/// its call.
#[derive(Debug)]
pub(crate) struct Threaded<T> {
    transport: Arc<T>,
    threads: Arc<Threads>,
    timers: Arc<Timers>,
}

impl<T: Blocking + Send + Sync + 'static> Threaded<T> {
    /// Uses at most this many threads, and no more than the transport permits. With 0, all calls
    /// are on the thread of the caller.
    pub(crate) fn new(transport: Arc<T>, most: usize) -> Self {
        let threads = Arc::new(Threads::new(transport.threads().min(most)));
        Self { transport, threads, timers: Arc::default() }
    }

    /// Runs a future on this thread. Returns `None` once it is cancelled.
    pub(crate) fn run<O>(&self, cancel: &Cancel, future: impl Future<Output = O>) -> Option<O> {
        let mut future = pin!(future);
        let unpark = Arc::new(Unpark::this_thread());
        let waker = Waker::from(Arc::clone(&unpark));
        cancel.run(poll_fn(|context| {
            self.timers.wake_due(self.now().mono);
            unpark.is_awake.store(false, Ordering::Release);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(output);
            }
            // The poll may have used up the wake-up of this thread.
            if unpark.is_awake.load(Ordering::Acquire) || cancel.is_cancelled() {
                context.waker().wake_by_ref();
            } else if let Some(end) = self.timers.first() {
                blocking::run(self.transport.sleep(end.saturating_since(self.now().mono)));
                context.waker().wake_by_ref();
            }
            Poll::Pending
        }))
    }
}

impl<T: Blocking + Send + Sync + 'static> Transport for Threaded<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let transport = Arc::clone(&self.transport);
        let sent = self.threads.run(move || blocking::run(transport.send(request))).await;
        let threads = Arc::clone(&self.threads);
        Ok(sent?.map(|body| Body::from_stream(on_threads(threads, body))))
    }

    fn send_owned(&self, request: Request<Bytes>) -> Option<OwnedSend> {
        let threaded = self.clone();
        // Without a thread for each, one body would hold up the others.
        (self.threads.most > 1)
            .then(|| Box::pin(async move { threaded.send(request).await }) as OwnedSend)
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.now().mono.saturating_add(duration);
        let timer = Timer::new(&self.timers, end);
        poll_fn(|context| {
            if end <= self.now().mono {
                return Poll::Ready(());
            }
            timer.set(context.waker());
            Poll::Pending
        })
        .await;
    }

    fn now(&self) -> Now {
        self.transport.now()
    }
}

impl<T> Clone for Threaded<T> {
    fn clone(&self) -> Self {
        Self {
            transport: Arc::clone(&self.transport),
            threads: Arc::clone(&self.threads),
            timers: Arc::clone(&self.timers),
        }
    }
}

/// Reads each piece of a body on a thread, because the read blocks.
fn on_threads(
    threads: Arc<Threads>,
    body: Body,
) -> impl Stream<Item = Result<Bytes, TransportError>> + Send {
    let pieces = stream::unfold((threads, body), async |(threads, mut body)| {
        let read = move || (blocking::run(body.next()), body);
        let (piece, body) = threads.run(read).await;
        Some((piece?, (threads, body)))
    });
    pieces.fuse()
}

/// Threads that are started as they are needed.
#[derive(Debug)]
struct Threads {
    most: usize,
    started: Mutex<usize>,
    /// Each call holds a clone until it ends.
    calls: Arc<()>,
    sender: mpsc::Sender<Call>,
    queue: Arc<Mutex<mpsc::Receiver<Call>>>,
}

type Call = Box<dyn FnOnce() + Send>;

impl Threads {
    fn new(most: usize) -> Self {
        let (sender, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        Self { most, started: Mutex::default(), calls: Arc::default(), sender, queue }
    }

    /// Runs a call on a thread, or on this one if none can be started. A panic of the call
    /// continues on this thread. If the future is dropped, a call that has begun completes.
    async fn run<O: Send + 'static>(&self, call: impl FnOnce() -> O + Send + 'static) -> O {
        let open = Arc::clone(&self.calls);
        if !self.has_thread() {
            return call();
        }
        let (sender, result) = oneshot::channel();
        let call = move || {
            if !sender.is_canceled() {
                let output = catch_unwind(AssertUnwindSafe(call));
                drop(open);
                // Nothing receives it if the future was dropped.
                drop(sender.send(output));
            }
        };
        self.sender.send(Box::new(call)).expect("`self` owns the queue");
        match result.await.expect("a thread lasts as long as `self`, and no call unwinds") {
            Ok(output) => output,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Starts a thread if all are in use. Returns false if that fails: a call in the queue would
    /// start later than the budget permitted it, perhaps together with others.
    fn has_thread(&self) -> bool {
        let mut started = lock(&self.started);
        let needed = (Arc::strong_count(&self.calls) - 1).min(self.most);
        if *started < needed {
            let queue = Arc::clone(&self.queue);
            let thread = thread::Builder::new().name("tcss-export".to_owned());
            *started += usize::from(thread.spawn(move || work(&queue)).is_ok());
        }
        *started >= needed.max(1)
    }
}

/// Runs calls until the sender is dropped.
fn work(queue: &Mutex<mpsc::Receiver<Call>>) {
    loop {
        let Ok(call) = lock(queue).recv() else { return };
        // Dropping a result that nothing receives may panic.
        drop(catch_unwind(AssertUnwindSafe(call)));
    }
}

/// The pauses that have not ended, and what to wake at their ends.
#[derive(Debug, Default)]
struct Timers {
    next_number: AtomicU64,
    wakers: Mutex<BTreeMap<TimerKey, Waker>>,
}

/// The end of a pause, and a number that no other pause has.
type TimerKey = (Mono, u64);

impl Timers {
    fn first(&self) -> Option<Mono> {
        lock(&self.wakers).first_key_value().map(|((end, _), _)| *end)
    }

    /// Wakes outside the lock, because that can run arbitrary code.
    fn wake_due(&self, now: Mono) {
        let mut wakers = lock(&self.wakers);
        let later = wakers.split_off(&(now, u64::MAX));
        let due = mem::replace(&mut *wakers, later);
        drop(wakers);
        due.into_values().for_each(Waker::wake);
    }
}

/// A pause. Dropping it removes its waker.
struct Timer<'t> {
    timers: &'t Timers,
    key: TimerKey,
}

impl<'t> Timer<'t> {
    fn new(timers: &'t Timers, end: Mono) -> Self {
        Self { timers, key: (end, timers.next_number.fetch_add(1, Ordering::Relaxed)) }
    }

    fn set(&self, waker: &Waker) {
        let replaced = lock(&self.timers.wakers).insert(self.key, waker.clone());
        drop(replaced);
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let removed = lock(&self.timers.wakers).remove(&self.key);
        drop(removed);
    }
}

/// Unparks a thread, and records that it was woken.
pub(crate) struct Unpark {
    is_awake: AtomicBool,
    thread: Thread,
}

impl Unpark {
    pub(crate) fn this_thread() -> Self {
        Self { is_awake: AtomicBool::default(), thread: thread::current() }
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.is_awake.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Panics when it is dropped.
    struct Explosive;

    impl Drop for Explosive {
        fn drop(&mut self) {
            panic!("expected");
        }
    }

    #[test]
    fn a_thread_outlasts_the_panic_of_a_result_that_nothing_receives() {
        let (begin, begun) = mpsc::channel();
        let (release, held) = mpsc::channel();
        let threads = Threads::new(1);
        let call = move || {
            begin.send(()).unwrap();
            held.recv().unwrap();
            Explosive
        };
        let mut future = Box::pin(threads.run(call));
        assert!(future.as_mut().now_or_never().is_none());
        begun.recv().unwrap();
        drop(future);
        release.send(()).unwrap();
        let (sender, result) = mpsc::channel();
        thread::spawn(move || sender.send(blocking::run(threads.run(|| 7))));
        // Only a failing test waits.
        assert_eq!(result.recv_timeout(Duration::from_secs(10)), Ok(7));
    }
}
