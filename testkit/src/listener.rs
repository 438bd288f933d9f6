//! A listening socket with a background thread that serves its connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
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

/// Opens a port on 127.0.0.1; for port 0 the system chooses one.
pub(crate) fn bind(port: u16) -> io::Result<StdListener> {
    let socket = StdListener::bind((Ipv4Addr::LOCALHOST, port))?;
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
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let socket = {
            let _guard = runtime.enter();
            TcpListener::from_std(socket)?
        };
        let connections = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        let accept = accept(socket, serve, Arc::clone(&connections));
        // The closure owns the runtime, so every connection ends with the thread.
        let thread = thread::Builder::new().name("tcss-testkit".to_owned()).spawn(move || {
            runtime.spawn(accept);
            let _ = runtime.block_on(stopped);
        })?;
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
