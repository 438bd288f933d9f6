//! The errors of transports.

use std::{error::Error, fmt, io, iter, net::SocketAddr};

use tcss_export_core::{BuildError, SendFault, download::Reach, text::brief};

use crate::proxies::{ProxyError, TunnelError};

/// The error of another crate, visible only as a source.
type BoxError = Box<dyn Error + Send + Sync>;

/// No answer arrived. The fault decides what happens next; the library's error is the source.
#[derive(Debug)]
pub struct TransportError {
    fault: SendFault,
    /// No connection was made, so nothing was sent.
    is_before_sending: bool,
    source: BoxError,
}

impl TransportError {
    /// Creates an error from its fault and its source.
    pub fn new(fault: SendFault, source: impl Into<BoxError>) -> Self {
        Self { fault, is_before_sending: false, source: source.into() }
    }

    /// Creates an error whose fault follows from the first error in the chain that determines one:
    /// an [`io::Error`] of a timeout, a [`ProxyError`], an [`AddressError`] or a refusal by a proxy.
    /// Otherwise it is `broken`, the meaning of a broken connection at this stage.
    ///
    /// A timeout is [`SendFault::Timeout`]. A fault of a proxy that lasts until somebody changes
    /// it, such as its status 407, is [`SendFault::Permanent`].
    pub fn of_chain(source: impl Into<BoxError>, broken: SendFault) -> Self {
        Self::of_chain_with(source, broken, |_| false)
    }

    /// Creates an error as [`of_chain`](Self::of_chain) does, but [`SendFault::Permanent`] if
    /// `is_permanent` returns true for any error in the chain, for example an untrusted
    /// certificate.
    pub fn of_chain_with(
        source: impl Into<BoxError>,
        broken: SendFault,
        is_permanent: impl Fn(&(dyn Error + 'static)) -> bool,
    ) -> Self {
        let source = source.into();
        let permanent = find(&*source, |e| is_permanent(e).then_some(SendFault::Permanent));
        let fault = permanent.or_else(|| find(&*source, fault_of)).unwrap_or(broken);
        let is_before_sending = find(&*source, |e| is_before_sending(e).then_some(())).is_some();
        Self { fault, is_before_sending, source }
    }

    /// Marks that no connection was made, so nothing was sent.
    #[must_use]
    pub fn before_sending(self) -> Self {
        Self { is_before_sending: true, ..self }
    }

    /// Returns whether the server may have received the request. It has not if the fault is
    /// permanent or no connection was made.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        !self.is_before_sending && self.fault != SendFault::Permanent
    }

    /// Returns the address error among the sources: the policy forbids all addresses of a host.
    #[must_use]
    pub fn address_error(&self) -> Option<&AddressError> {
        find(&*self.source, |error| error.downcast_ref())
    }

    /// Returns the proxy error among the sources: a variable of the environment names a proxy that
    /// cannot be used.
    #[must_use]
    pub fn proxy_error(&self) -> Option<&ProxyError> {
        find(&*self.source, |error| error.downcast_ref())
    }

    /// Returns the tunnel error among the sources: a connection through a proxy failed.
    #[must_use]
    pub fn tunnel_error(&self) -> Option<&TunnelError> {
        find(&*self.source, |error| error.downcast_ref())
    }

    /// Returns the fault, which decides what a wait or a download does next.
    #[must_use]
    pub const fn fault(&self) -> SendFault {
        self.fault
    }
}

fn fault_of(error: &(dyn Error + 'static)) -> Option<SendFault> {
    if error.is::<ProxyError>() || error.is::<AddressError>() {
        return Some(SendFault::Permanent);
    }
    if let Some(tunnel) = error.downcast_ref::<TunnelError>() {
        return tunnel.fault();
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Some(SendFault::Timeout),
        // The error inside may determine it.
        _ => None,
    }
}

/// Returns whether the error proves that no connection was made.
fn is_before_sending(error: &(dyn Error + 'static)) -> bool {
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    error.is::<ProxyError>()
        || error.is::<AddressError>()
        || error.downcast_ref().is_some_and(is_refused)
}

/// Returns the first result down a chain of errors.
fn find<'e, T>(
    error: &'e (dyn Error + 'static),
    found: impl Fn(&'e (dyn Error + 'static)) -> Option<T>,
) -> Option<T> {
    iter::successors(Some(error), |error| next(*error)).find_map(found)
}

/// Returns the next error of a chain. The `source` of an `io::Error` skips the error inside.
fn next<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|error| error as _),
        None => error.source(),
    }
}

/// Uses [`TransportError::of_chain`] with [`SendFault::Connection`].
impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        Self::of_chain(error, SendFault::Connection)
    }
}

/// Malformed credentials stay malformed: [`SendFault::Permanent`].
impl From<BuildError> for TransportError {
    fn from(error: BuildError) -> Self {
        Self::new(SendFault::Permanent, error)
    }
}

/// No request can be sent until the environment changes: [`SendFault::Permanent`].
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

/// The address policy forbids all addresses of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    host: String,
}

impl AddressError {
    /// Returns the addresses that the policy permits.
    ///
    /// # Errors
    ///
    /// If it permits none.
    pub fn filter(
        host: &str,
        reach: Reach,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Self> {
        let permitted = addresses.into_iter().filter(|address| reach.permits(address.ip()));
        let permitted: Vec<_> = permitted.collect();
        match permitted.is_empty() {
            true => Err(Self { host: host.to_owned() }),
            false => Ok(permitted),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to a private address, which must be allowed", brief(&self.host))
    }
}

impl Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_error_is_permanent_whatever_wraps_it() {
        let private = "10.0.0.1:443".parse().unwrap();
        let found = AddressError::filter("h.example", Reach::Public, [private]);
        let error = found.unwrap_err();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::Other] {
            let wrapped = io::Error::new(kind, error.clone());
            let wrapped = TransportError::from(wrapped);
            assert_eq!(wrapped.fault(), SendFault::Permanent);
            assert_eq!(wrapped.address_error(), Some(&error));
        }
        let denied = TransportError::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!((denied.fault(), denied.address_error()), (SendFault::Connection, None));
    }

    #[test]
    fn a_proxy_error_is_found_whatever_wraps_it() {
        let error = ProxyError::Url { variable: "HTTPS_PROXY" };
        let wrapped = TransportError::from(io::Error::other(error.clone()));
        assert_eq!((wrapped.fault(), wrapped.proxy_error()), (SendFault::Permanent, Some(&error)));
        assert!(wrapped.tunnel_error().is_none());
    }

    #[test]
    fn a_tunnel_error_is_found_whatever_wraps_it() {
        let proxy = "proxy.example:3128".to_owned();
        let error = TunnelError::Failed { proxy, source: "why".into() };
        let wrapped = TransportError::from(io::Error::other(error));
        let found = wrapped.tunnel_error().expect("a tunnel's error").to_string();
        assert_eq!(found, "the connection through the proxy at proxy.example:3128 failed");
        assert_eq!(wrapped.proxy_error(), None);
    }
}
