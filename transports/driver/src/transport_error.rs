//! The errors of transports.

use std::{
    error::Error,
    fmt, io, iter,
    net::{IpAddr, SocketAddr},
};

use http::Uri;
use tcss_export_core::{AddressPolicy, BuildError, TransportErrorKind, text::brief};

use crate::{
    proxies::{ProxyError, TunnelError, host_and_port},
    worker::ThreadError,
};

/// The error of another crate, visible only as a source.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// No complete answer arrived. The kind decides what happens next; the library's error is the
/// source. After a request the message starts with the host and port of its URL.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    /// Whether no connection was made, so that nothing was sent.
    is_before_sending: bool,
    /// Whether the answer is not HTTP.
    is_not_http: bool,
    /// Host and port of the request's URL, once known.
    server: Option<Box<str>>,
    source: BoxError,
}

impl TransportError {
    /// Creates an error from its kind and its source.
    pub fn new(kind: TransportErrorKind, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self { kind, is_before_sending: false, is_not_http: false, server: None, source }
    }

    /// Creates an error whose kind follows from the first error in the chain that determines one:
    /// an [`io::Error`] of a timeout, a [`ProxyError`], an [`AddressError`] or a refusal by a
    /// proxy. Otherwise it is `broken`, the meaning of a broken connection at this stage.
    ///
    /// A timeout is [`TransportErrorKind::Timeout`]. A fault of a proxy that lasts until somebody
    /// changes it, such as its status 407, is [`TransportErrorKind::Permanent`].
    pub fn of_chain(source: impl Into<BoxError>, broken: TransportErrorKind) -> Self {
        Self::of_chain_with(source, broken, |_| false)
    }

    /// Creates an error of an HTTP client that returned no response, of any type: as
    /// [`of_chain`](Self::of_chain) with [`TransportErrorKind::Connection`].
    ///
    /// The error must not show the URL of a request: that of a download is secret.
    ///
    /// ```
    /// use tcss_export_driver::TransportError;
    /// # fn my_client() -> Result<(), std::fmt::Error> { Err(std::fmt::Error) }
    ///
    /// let answer = my_client().map_err(TransportError::connection);
    /// # assert!(answer.unwrap_err().is_transient());
    /// ```
    pub fn connection(source: impl Into<BoxError>) -> Self {
        Self::of_chain(source, TransportErrorKind::Connection)
    }

    /// Creates an error as [`of_chain`](Self::of_chain) does, but [`TransportErrorKind::Permanent`]
    /// if `is_permanent` returns true for any error in the chain, for example an untrusted
    /// certificate.
    pub fn of_chain_with(
        source: impl Into<BoxError>,
        broken: TransportErrorKind,
        is_permanent: impl Fn(&(dyn Error + 'static)) -> bool,
    ) -> Self {
        let source = source.into();
        let kind = match chain(&*source).any(is_permanent) {
            true => TransportErrorKind::Permanent,
            false => chain(&*source).find_map(fault_of).unwrap_or(broken),
        };
        let is_before_sending = chain(&*source).any(is_before_sending);
        Self { kind, is_before_sending, is_not_http: false, server: None, source }
    }

    /// Marks that no connection was made, so nothing was sent.
    #[must_use]
    pub fn before_sending(self) -> Self {
        Self { is_before_sending: true, ..self }
    }

    /// Marks that the answer is not HTTP, if the error or a source matches.
    #[must_use]
    pub fn not_http_if(self, matches: impl Fn(&(dyn Error + 'static)) -> bool) -> Self {
        let is_not_http = chain(&*self.source).any(matches);
        Self { is_not_http, ..self }
    }

    /// Adds the server that the request was for. The message then starts with its host and port.
    pub(crate) fn with_server(self, url: &Uri) -> Self {
        Self { server: Some(host_and_port(url).into()), ..self }
    }

    /// Returns whether the answer is not HTTP: another protocol answered, or the head is malformed.
    pub const fn is_not_http(&self) -> bool {
        self.is_not_http
    }

    /// Returns the problem with TLS among the sources, if any.
    #[cfg(feature = "rustls")]
    pub fn tls_problem(&self) -> Option<crate::tls::TlsProblem> {
        chain(&*self.source).find_map(crate::tls::TlsProblem::of)
    }

    /// Returns whether the server may have received the request. It has not if the kind is
    /// permanent or no connection was made.
    pub fn may_have_arrived(&self) -> bool {
        !self.is_before_sending && self.kind != TransportErrorKind::Permanent
    }

    /// Returns the address error among the sources, if any.
    pub fn address_error(&self) -> Option<&AddressError> {
        chain(&*self.source).find_map(|error| error.downcast_ref())
    }

    /// Returns the proxy error among the sources: a variable of the environment names a proxy that
    /// cannot be used.
    pub fn proxy_error(&self) -> Option<&ProxyError> {
        chain(&*self.source).find_map(|error| error.downcast_ref())
    }

    /// Returns the tunnel error among the sources: a connection through a proxy failed.
    pub fn tunnel_error(&self) -> Option<&TunnelError> {
        chain(&*self.source).find_map(|error| error.downcast_ref())
    }

    /// Returns the kind, which decides what a wait or a download does next.
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Returns whether the same request may succeed later.
    pub const fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }
}

fn fault_of(error: &(dyn Error + 'static)) -> Option<TransportErrorKind> {
    if error.is::<ProxyError>() || error.is::<AddressError>() {
        return Some(TransportErrorKind::Permanent);
    }
    if let Some(tunnel) = error.downcast_ref::<TunnelError>() {
        return tunnel.fault();
    }
    if error.is::<ThreadError>() {
        return Some(TransportErrorKind::Connection);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Some(TransportErrorKind::Timeout),
        // Look at the wrapped error next.
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

/// Returns an error and its causes.
pub(crate) fn chain<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        // `io::Error::source` skips the error inside.
        Some(error) => error.get_ref().map(|error| error as _),
        None => error.source(),
    })
}

/// Uses [`TransportError::connection`].
impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        Self::connection(error)
    }
}

/// Malformed credentials do not become valid: [`TransportErrorKind::Permanent`].
impl From<BuildError> for TransportError {
    fn from(error: BuildError) -> Self {
        Self::new(TransportErrorKind::Permanent, error)
    }
}

/// No request can be sent until the environment changes: [`TransportErrorKind::Permanent`].
impl From<ProxyError> for TransportError {
    fn from(error: ProxyError) -> Self {
        Self::new(TransportErrorKind::Permanent, error)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = &self.server {
            write!(f, "{server}: ")?;
        }
        match self.is_not_http {
            true => f.write_str("the answer is not HTTP"),
            false => self.kind.fmt(f),
        }
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
    addresses: Box<[IpAddr]>,
    must_be_loopback: bool,
}

impl AddressError {
    /// Returns the addresses that the policy permits.
    ///
    /// # Errors
    ///
    /// If it permits none.
    pub fn filter(
        host: &str,
        address_policy: &AddressPolicy,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Self> {
        let is_permitted = |address: &SocketAddr| address_policy.permits(address.ip());
        let (permitted, forbidden): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(is_permitted);
        if !permitted.is_empty() {
            return Ok(permitted);
        }
        let addresses = forbidden.iter().map(SocketAddr::ip).collect();
        let must_be_loopback = *address_policy == AddressPolicy::Loopback;
        Err(Self { host: host.to_owned(), addresses, must_be_loopback })
    }

    /// Returns whether the host must resolve to loopback, so no policy can allow these addresses.
    pub const fn must_be_loopback(&self) -> bool {
        self.must_be_loopback
    }

    /// Returns the addresses of the host. The policy forbids all of them.
    pub const fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = brief(&self.host);
        match (self.addresses.first(), self.must_be_loopback) {
            (Some(address), true) => write!(f, "{host} resolves to {address} instead of loopback"),
            (Some(address), false) => {
                write!(f, "{host} resolves to the private address {address}, which must be allowed")
            }
            (None, _) => write!(f, "{host} resolves to no address"),
        }
    }
}

impl Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_error_is_permanent_whatever_wraps_it() {
        let private = "10.0.0.1:443".parse().unwrap();
        let found = AddressError::filter("h.example", &AddressPolicy::Public, [private]);
        let error = found.unwrap_err();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::Other] {
            let wrapped = io::Error::new(kind, error.clone());
            let wrapped = TransportError::from(wrapped);
            assert_eq!(wrapped.kind(), TransportErrorKind::Permanent);
            assert_eq!(wrapped.address_error(), Some(&error));
        }
        let denied = TransportError::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!((denied.kind(), denied.address_error()), (TransportErrorKind::Connection, None));
    }

    #[test]
    fn an_error_of_any_type_is_a_broken_connection_unless_its_chain_has_a_timeout() {
        let timeout = io::Error::other(io::Error::from(io::ErrorKind::TimedOut));
        let kinds = [
            TransportError::connection(timeout),
            TransportError::connection("not an error type"),
            TransportError::connection(fmt::Error),
        ];
        let expected = [
            TransportErrorKind::Timeout,
            TransportErrorKind::Connection,
            TransportErrorKind::Connection,
        ];
        assert_eq!(kinds.map(|error| error.kind()), expected);
    }

    #[test]
    fn a_proxy_error_is_found_whatever_wraps_it() {
        let error = ProxyError::Url { variable: "HTTPS_PROXY" };
        let wrapped = TransportError::from(io::Error::other(error.clone()));
        assert_eq!(
            (wrapped.kind(), wrapped.proxy_error()),
            (TransportErrorKind::Permanent, Some(&error))
        );
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
