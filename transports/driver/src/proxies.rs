//! The proxies of the environment.

mod no_proxy;
mod proxy;
#[cfg(feature = "tunnel")]
mod tunnel;

use std::{error::Error, ffi::OsString, fmt};

use http::{Uri, uri::Scheme};
use tcss_export_core::Endpoint;

use self::no_proxy::Exceptions;
pub use self::proxy::{Proxy, TunnelError};

/// The proxy settings of the usual environment variables.
///
/// The proxy is the value of `https_proxy` or, if that is unset, of `all_proxy`. Both may be upper
/// case; if both spellings are set, lower case wins, and an empty value counts as unset. The value
/// is `http://host:port`, optionally with a percent-encoded `user:password@` before the host.
/// `http://` may be omitted, and the default port is 80. TLS and SOCKS proxies are not supported.
///
/// `no_proxy`, or `NO_PROXY`, lists hosts that need no proxy, separated by commas or blanks, in any
/// case:
///
/// | entry | hosts |
/// | --- | --- |
/// | `*` | every host |
/// | `h.example`, `.h.example` or `*.h.example` | this host and its subdomains |
/// | `192.0.2.9`, `2001:db8::9` or `[2001:db8::9]` | this address |
/// | `192.0.2.0/24` or `2001:db8::/32` | the addresses of this network |
///
/// With a port, as in `h.example:8443` or `[2001:db8::9]:8443`, an entry applies to this port only.
/// Names are not resolved, so addresses match only URLs that contain one. Other entries are
/// ignored.
///
/// Loopback hosts never use a proxy. Neither does the metadata service of virtual machines, which
/// would return the keys of the proxy's machine. `http_proxy` is ignored: plain HTTP, which a
/// download must allow explicitly, uses the same proxy by `CONNECT`.
///
/// ```
/// use tcss_export_core::Endpoint;
/// use tcss_export_driver::Proxies;
///
/// let proxies = Proxies::from_variables(|name| match name {
///     "HTTPS_PROXY" => Some("http://proxy.example:3128".into()),
///     "NO_PROXY" => Some(".corp.example".into()),
///     _ => None,
/// });
/// let proxy = proxies.proxy_for(&Endpoint::international())?;
/// assert_eq!(proxy.map(|proxy| proxy.to_string()).as_deref(), Some("proxy.example:3128"));
/// assert_eq!(proxies.proxy_for(&"gw.corp.example".parse()?)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    proxy: Option<Result<Proxy, ProxyError>>,
    exceptions: Exceptions,
}

impl Proxies {
    /// Reads the variables with a lookup function, such as `|name| std::env::var_os(name)`. An
    /// unusable value becomes an error once a request needs it.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let find = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                // A value that is not Unicode must be an error, not "no proxy".
                let value = variable(name)?.to_string_lossy().trim().to_owned();
                (!value.is_empty()).then_some((*name, value))
            })
        };
        let proxy = find(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        let exceptions = find(&["no_proxy", "NO_PROXY"]);
        Self {
            proxy: proxy.map(|(name, url)| Proxy::parse(name, &url)),
            exceptions: exceptions.map(|(_, list)| Exceptions::new(&list)).unwrap_or_default(),
        }
    }

    /// Returns the proxy for requests to an endpoint, if any.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Url`] or [`ProxyError::Scheme`] if a variable names an unusable proxy.
    pub fn proxy_for(&self, endpoint: &Endpoint) -> Result<Option<Proxy>, ProxyError> {
        if Self::forbids_proxy(endpoint) || self.exceptions.match_endpoint(endpoint) {
            return Ok(None);
        }
        self.proxy.clone().transpose()
    }

    /// Returns whether no request to this host may use a proxy: it is loopback, or the metadata
    /// service of virtual machines.
    pub fn forbids_proxy(endpoint: &Endpoint) -> bool {
        endpoint.is_loopback() || endpoint.uri().host() == Some(METADATA_HOST)
    }

    /// Returns the proxy for a request to this URL, if any: the same one for `https` and `http`.
    ///
    /// # Errors
    ///
    /// As for [`proxy_for`](Self::proxy_for).
    pub fn proxy_for_url(&self, url: &Uri) -> Result<Option<Proxy>, ProxyError> {
        match format!("https://{}", host_and_port(url)).parse() {
            Ok(endpoint) => self.proxy_for(&endpoint),
            // Never a direct connection by mistake.
            Err(_) => self.proxy.clone().transpose(),
        }
    }
}

/// The metadata service of virtual machines.
pub(crate) const METADATA_HOST: &str = "metadata.tencentyun.com";

/// Returns host and port of a URL, as `CONNECT` names them.
pub(crate) fn host_and_port(url: &Uri) -> String {
    let default_port = if url.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    let (host, port) = (url.host().unwrap_or_default(), url.port_u16().unwrap_or(default_port));
    format!("{host}:{port}")
}

/// A variable names a proxy that cannot be used. Its value is not shown, as it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The value is not the URL of a proxy.
    Url {
        /// The name of the variable.
        variable: &'static str,
    },
    /// The proxy needs another protocol than plain HTTP.
    Scheme {
        /// The name of the variable.
        variable: &'static str,
        /// The scheme that is not supported, in lower case.
        scheme: String,
    },
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { variable } => {
                write!(f, "{variable} is not the URL of a proxy: expected http://host:port")
            }
            Self::Scheme { variable, scheme } => {
                write!(f, "{variable} names a proxy of scheme {scheme}: expected http://host:port")
            }
        }
    }
}

impl Error for ProxyError {}
