//! A listening socket with a background thread that serves its connections.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

/// The pause after a failed accept, such as one without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves every connection until it is dropped; this closes all connections and frees the port.
pub(crate) struct Listener {
    addr: SocketAddr,
    #[cfg_attr(not(feature = "wire"), expect(dead_code, reason = "only `wire` shows the count"))]
    connections: Arc<AtomicUsize>,
    /// Stops the thread when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Opens a port on 127.0.0.1, or on ::1; for port 0 the system chooses one.
pub(crate) fn bind(port: u16, is_ipv6: bool) -> io::Result<StdListener> {
    let socket = match is_ipv6 {
        true => StdListener::bind((Ipv6Addr::LOCALHOST, port))?,
        false => StdListener::bind((Ipv4Addr::LOCALHOST, port))?,
    };
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Listener {
    /// Starts the thread; it runs `serve` for each connection and ignores the result, because an
    /// error only means that the client went away or that a test asked for an early end.
    pub(crate) fn start<S, F>(socket: StdListener, serve: S) -> io::Result<Self>
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output: Send> + Send + 'static,
    {
        let addr = socket.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        // The thread also builds and drops the runtime. If the thread cannot start, a calling async
        // function would have to drop the runtime, and tokio panics at that.
        let thread = thread::Builder::new().name("tcss-testkit".to_owned()).spawn(move || {
            let (runtime, socket) = match start_runtime(socket) {
                Ok(started) => started,
                Err(error) => return ready.send(Err(error)).unwrap_or_default(),
            };
            runtime.spawn(accept(socket, serve, counter));
            let _ = ready.send(Ok(()));
            let _ = runtime.block_on(stopped);
        })?;
        started.recv().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))?;
        Ok(Self { addr, connections, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the number of connections accepted so far.
    #[cfg(feature = "wire")]
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits for the end of the thread.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic was already printed by its thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.take();
        self.join();
    }
}

fn start_runtime(socket: StdListener) -> io::Result<(Runtime, TcpListener)> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let context = runtime.enter();
    let socket = TcpListener::from_std(socket)?;
    drop(context);
    Ok((runtime, socket))
}

async fn accept<S, F>(socket: TcpListener, serve: S, connections: Arc<AtomicUsize>)
where
    S: Fn(TcpStream) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        connections.fetch_add(1, Ordering::SeqCst);
        // A failure only makes answers late.
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream));
    }
}
