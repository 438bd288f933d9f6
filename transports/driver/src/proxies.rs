mod no_proxy;
mod proxy;

use std::{error::Error, ffi::OsString, fmt};

use http::{Uri, uri::Scheme};
use tcss_export_core::Endpoint;

use self::no_proxy::Exceptions;
pub use self::proxy::{Proxy, TunnelError};

/// Which proxy stands before an endpoint, as the usual variables of an environment say.
///
/// The proxy is that of `https_proxy`, else of `all_proxy`. Either may be written in capitals;
/// where both spellings are set, the lower-case one counts, and an empty value counts as not set.
/// It is `http://host:port`, with `user:password@` before the host if need be (percent-encoded);
/// `http://` may be left out, and the port is 80 by default. Proxies that are spoken to by TLS or
/// SOCKS are not supported.
///
/// `no_proxy`, or `NO_PROXY`, excepts hosts. Its entries are separated by commas or blanks, and
/// the case of letters is no matter:
///
/// | entry | excepts |
/// | --- | --- |
/// | `*` | every host |
/// | `h.example`, `.h.example` or `*.h.example` | this host and all below it |
/// | `192.0.2.9`, `2001:db8::9` or `[2001:db8::9]` | this address |
/// | `192.0.2.0/24` or `2001:db8::/32` | the addresses of this network |
///
/// With a port behind it, as in `h.example:8443` or `[2001:db8::9]:8443`, an entry is for this
/// port only. No name is looked up: addresses are for endpoints that are addresses themselves.
/// What is none of these excepts nothing.
///
/// There is never a proxy before a loopback host; `http_proxy` has no part in this: what may be
/// spoken to by plain HTTP, a file server that was allowed explicitly, is reached by `CONNECT`,
/// too.
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
    /// Reads the variables, each given by its name: `|name| std::env::var_os(name)` for those of
    /// the process. What cannot be used is an error only where it would be needed.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let find = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                // What is not Unicode must not pass for "no proxy": so it cannot be read as a URL.
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

    /// Returns the proxy that requests to the endpoint go through, if any.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Url`] or [`ProxyError::Scheme`] if a variable asks for a proxy that cannot
    /// be used.
    pub fn proxy_for(&self, endpoint: &Endpoint) -> Result<Option<Proxy>, ProxyError> {
        if endpoint.is_loopback() || self.exceptions.hold_for(endpoint) {
            return Ok(None);
        }
        self.proxy.clone().transpose()
    }
}

impl Proxies {
    /// Returns the proxy that a download from this URL goes through, if any: the same one for
    /// plain `http` as well, by `CONNECT`.
    ///
    /// # Errors
    ///
    /// As for [`proxy_for`](Self::proxy_for).
    pub fn proxy_for_url(&self, url: &Uri) -> Result<Option<Proxy>, ProxyError> {
        let host = url.host().unwrap_or_default();
        let default_port = if url.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
        let port = url.port_u16().unwrap_or(default_port);
        match format!("https://{host}:{port}").parse() {
            Ok(endpoint) => self.proxy_for(&endpoint),
            // No such request will be sent.
            Err(_) => self.proxy.clone().transpose(),
        }
    }
}

/// A variable asks for a proxy that cannot be used. Its value is not shown: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The variable does not hold the URL of a proxy.
    Url {
        /// The name of the variable.
        variable: &'static str,
    },
    /// The proxy is to be spoken to by something else than plain HTTP.
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
