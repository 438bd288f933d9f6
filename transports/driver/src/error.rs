use std::{error::Error, fmt, io, ops::Deref};

use tcss_export_core::{BuildError, ResponseError, SendFault, WaitError, WaitErrorKind};

use crate::proxies::{ProxyError, TunnelError};

/// A boxed error of another crate, shown only as a source.
type Source = Box<dyn Error + Send + Sync>;

/// No answer came: the fault as core sees it, and the transport's own error as its source.
#[derive(Debug)]
pub struct TransportError {
    fault: SendFault,
    source: Source,
}

impl TransportError {
    /// Creates an error from what it means and where it comes from.
    pub fn new(fault: SendFault, source: impl Into<Source>) -> Self {
        Self { fault, source: source.into() }
    }

    /// Creates an error whose meaning is that of the first error in its chain that has one: an
    /// [`io::Error`], a [`ProxyError`] or a refusal by a proxy. `broken` is what a broken
    /// connection, or no such error at all, means at this stage.
    ///
    /// A time-out is [`SendFault::Timeout`]. What is wrong with a proxy until someone changes it,
    /// such as its status 407, is [`SendFault::Permanent`].
    pub fn of_chain(source: impl Into<Source>, broken: SendFault) -> Self {
        Self::of_chain_with(source, broken, |_| false)
    }

    /// Creates an error as [`of_chain`](Self::of_chain) does, but [`SendFault::Permanent`] if
    /// `is_permanent` says so of any error in the chain: that a certificate is not trusted, say.
    pub fn of_chain_with(
        source: impl Into<Source>,
        broken: SendFault,
        is_permanent: impl Fn(&(dyn Error + 'static)) -> bool,
    ) -> Self {
        let source = source.into();
        let fault = match has(&*source, &is_permanent) {
            true => SendFault::Permanent,
            false => fault_of(&*source, broken),
        };
        Self { fault, source }
    }

    /// Returns what it means to a wait.
    #[must_use]
    pub const fn fault(&self) -> SendFault {
        self.fault
    }
}

fn fault_of(error: &(dyn Error + 'static), broken: SendFault) -> SendFault {
    if error.is::<ProxyError>() {
        return SendFault::Permanent;
    }
    if let Some(fault) = error.downcast_ref().and_then(TunnelError::fault) {
        return fault;
    }
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        // It only wraps.
        None | Some(io::ErrorKind::Other) => {
            next(error).map_or(broken, |error| fault_of(error, broken))
        }
        Some(io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => SendFault::Timeout,
        Some(_) => broken,
    }
}

fn has(
    error: &(dyn Error + 'static),
    is_permanent: &impl Fn(&(dyn Error + 'static)) -> bool,
) -> bool {
    is_permanent(error) || next(error).is_some_and(|error| has(error, is_permanent))
}

/// Goes one step down a chain; the `source` of an `io::Error` would pass over what it wraps.
fn next<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|error| error as _),
        None => error.source(),
    }
}

/// As by [`TransportError::of_chain`], a broken connection being [`SendFault::Connection`].
impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        Self::of_chain(error, SendFault::Connection)
    }
}

/// Credentials that are refused when they are built will not pass: [`SendFault::Permanent`].
impl From<BuildError> for TransportError {
    fn from(error: BuildError) -> Self {
        Self::new(SendFault::Permanent, error)
    }
}

/// No request can be sent as long as the environment says so: [`SendFault::Permanent`].
impl From<ProxyError> for TransportError {
    fn from(error: ProxyError) -> Self {
        Self::new(SendFault::Permanent, error)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// Why a single exchange gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The request could not be built or signed.
    Build(BuildError),
    /// No credentials could be had.
    Credentials(TransportError),
    /// No whole answer came.
    Transport(TransportError),
    /// An answer came that gave no result.
    Answer(ResponseError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Credentials(_) => f.write_str("no credentials could be had"),
            Self::Transport(error) => error.fmt(f),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Credentials(error) => Some(error),
            Self::Transport(error) => error.source(),
            // Their texts stand in this one's already.
            Self::Build(_) | Self::Answer(_) => None,
        }
    }
}

/// A wait ended without a file: core's error, and the transport's own if that was the last fault.
#[derive(Debug)]
pub struct WaitFailure {
    error: WaitError,
    transport: Option<Box<TransportError>>,
}

impl WaitFailure {
    /// Takes the transport's last error, which counts only if it is what the wait ended by.
    pub(crate) fn new(error: WaitError, transport: Option<TransportError>) -> Self {
        let counts = matches!(error.kind, WaitErrorKind::Fault(_) | WaitErrorKind::TimedOut);
        let transport = transport.filter(|_| counts);
        Self { error, transport: transport.map(Box::new) }
    }

    /// Returns what the transport said, if the last exchange gave no answer.
    #[must_use]
    pub fn transport(&self) -> Option<&TransportError> {
        self.transport.as_deref()
    }
}

impl Deref for WaitFailure {
    type Target = WaitError;

    fn deref(&self) -> &WaitError {
        &self.error
    }
}

impl fmt::Display for WaitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for WaitFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.transport {
            Some(transport) => Some(&**transport),
            None => self.error.source(),
        }
    }
}
