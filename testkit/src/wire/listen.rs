//! A listener whose threads end when it is dropped.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long to wait when the system has no room for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections, gives each a thread, and stops all of them when it is dropped.
pub(super) struct Listening {
    addr: SocketAddr,
    gate: Arc<Gate>,
    accepting: Option<JoinHandle<()>>,
}

/// What the threads of a listener share.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// Keeps a socket among those that are shut down at the end.
pub(super) struct Ticket<'a> {
    gate: &'a Gate,
    number: usize,
}

#[derive(Default)]
struct State {
    stopped: bool,
    connections: usize,
    /// Open sockets, to be shut down at the end, so that no thread stays in a read or a write.
    sockets: BTreeMap<usize, TcpStream>,
    /// How many sockets were registered so far.
    registered: usize,
    threads: Vec<JoinHandle<()>>,
}

impl Listening {
    /// Starts to listen; `serve` runs for each connection, on a thread of its own.
    pub(super) fn start(
        serve: impl Fn(&TcpStream, &Gate) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let gate = Arc::new(Gate::default());
        let shared = Arc::clone(&gate);
        let serve = Arc::new(serve);
        let accepting = thread::Builder::new().spawn(move || accept(&listener, &shared, &serve))?;
        Ok(Self { addr, gate, accepting: Some(accepting) })
    }

    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn connections(&self) -> usize {
        self.gate.state().connections
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.gate.stop();
        // Wakes the accepting thread; if it fails, other connections are waiting and wake it.
        let _ = TcpStream::connect(self.addr);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.gate.join_connections();
    }
}

impl Gate {
    /// Has a socket shut down when the listener is dropped, for as long as the ticket lives.
    pub(super) fn register(&self, stream: &TcpStream) -> io::Result<Ticket<'_>> {
        let stream = stream.try_clone()?;
        let mut state = self.state();
        if state.stopped {
            let _ = stream.shutdown(Shutdown::Both);
        }
        state.registered += 1;
        let number = state.registered;
        state.sockets.insert(number, stream);
        Ok(Ticket { gate: self, number })
    }

    /// Waits until the listener is dropped.
    pub(super) fn wait(&self) {
        let stopped = self.changed.wait_while(self.state(), |state| !state.stopped);
        drop(stopped);
    }

    /// Waits so long; returns `false` at once when the listener is dropped meanwhile.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), pause, |state| !state.stopped);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.stopped
    }

    fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    fn join_connections(&self) {
        let mut state = self.state();
        for socket in state.sockets.values() {
            // The client may have closed it long ago.
            let _ = socket.shutdown(Shutdown::Both);
        }
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever panicked, each field is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.gate.state().sockets.remove(&self.number);
    }
}

fn accept<F: Fn(&TcpStream, &Gate) + Send + Sync + 'static>(
    listener: &TcpListener,
    gate: &Arc<Gate>,
    serve: &Arc<F>,
) {
    loop {
        let accepted = listener.accept();
        if gate.state().stopped {
            return;
        }
        let Ok((stream, _)) = accepted else {
            gate.pause(ACCEPT_PAUSE);
            continue;
        };
        let (shared, serve) = (Arc::clone(gate), Arc::clone(serve));
        let mut state = gate.state();
        state.connections += 1;
        let run = move || {
            if let Ok(_ticket) = shared.register(&stream) {
                serve(&stream, &shared);
            }
        };
        if let Ok(thread) = thread::Builder::new().spawn(run) {
            state.threads.push(thread);
        }
    }
}
