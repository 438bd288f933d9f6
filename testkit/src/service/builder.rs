use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};

use super::desk::Desk;
use super::{Seen, ServedFile, Service};
use crate::clock::Clock;
use crate::faults::DownloadFaults;
use crate::script::Script;

/// The SecretId that is known when no key is given.
pub const EXAMPLE_SECRET_ID: &str = "AKIDEXAMPLE-OF-THE-TESTKIT";
/// The SecretKey of [`EXAMPLE_SECRET_ID`].
pub const EXAMPLE_SECRET_KEY: &str = "EXAMPLEKEY-OF-THE-TESTKIT";

pub(super) type Watcher = Box<dyn Fn(&Seen) + Send + Sync>;

/// Settings of a [`Service`].
#[derive(Default)]
#[must_use]
pub struct Builder {
    pub(super) keys: BTreeMap<String, String>,
    pub(super) token: Option<String>,
    pub(super) script: Script,
    pub(super) jobs: BTreeMap<String, Script>,
    pub(super) file: Option<ServedFile>,
    pub(super) download_faults: DownloadFaults,
    pub(super) clock: Clock,
    pub(super) watcher: Option<Watcher>,
    port: u16,
}

impl Builder {
    /// Makes a key known; may be called several times.
    ///
    /// Without any, [`EXAMPLE_SECRET_ID`] and [`EXAMPLE_SECRET_KEY`] are the pair.
    pub fn key(mut self, secret_id: impl Into<String>, secret_key: impl Into<String>) -> Self {
        self.keys.insert(secret_id.into(), secret_key.into());
        self
    }

    /// Asks every request for this X-TC-Token; by default none is looked at.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets what every job answers that has no script of its own.
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Sets what one job answers.
    pub fn job(mut self, job_id: impl Into<String>, script: Script) -> Self {
        self.jobs.insert(job_id.into(), script);
        self
    }

    /// Sets the file that jobs end in: a success without a URL of its own then gives one of this
    /// file's, another one each time.
    pub fn file(mut self, file: ServedFile) -> Self {
        self.file = Some(file);
        self
    }

    /// Sets what goes wrong with downloads of the file.
    pub fn download_faults(mut self, faults: DownloadFaults) -> Self {
        self.download_faults = faults;
        self
    }

    /// Sets the port; 0, the default, lets the system choose a free one.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets where the service's time comes from.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Has `watcher` called with every request, just before it is answered.
    pub fn watch(mut self, watcher: impl Fn(&Seen) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// Starts the service on a thread of its own.
    ///
    /// # Errors
    ///
    /// What the system says when the port cannot be had, no thread can be made or the file cannot be
    /// read; [`io::ErrorKind::InvalidInput`] when the file is no regular one or has no name, or when
    /// a header cannot hold what is to be said of it.
    pub fn start(mut self) -> io::Result<Service> {
        if self.keys.is_empty() {
            self = self.key(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let addr = listener.local_addr()?;
        Service::start(addr, listener, Desk::new(self, addr)?)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("script", &self.script)
            .field("jobs", &self.jobs)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
