//! One proxy, and the errors of tunnels through it.

use std::{error::Error, fmt};

use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tcss_export_core::{Endpoint, TransportErrorKind};

use super::ProxyError;

/// An HTTP proxy for `CONNECT`. `Display` and `Debug` show host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    /// User and password, decoded.
    pub(super) login: Option<[String; 2]>,
}

/// Longer URLs are refused, before an HTTP library refuses them.
const LONGEST_URL: usize = 4096;
const LONGEST_SCHEME: usize = 16;
const DEFAULT_PORT: u16 = 80;

impl Proxy {
    pub(super) fn parse(variable: &'static str, url: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        if !is_scheme(scheme) || url.len() > LONGEST_URL {
            return Err(ProxyError::Url { variable });
        }
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" {
            return Err(ProxyError::Scheme { variable, scheme });
        }
        Self::read(rest).ok_or(ProxyError::Url { variable })
    }

    /// Parses the part after the scheme.
    fn read(rest: &str) -> Option<Self> {
        let (login, address) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (username, password) = login.split_once(':').unwrap_or((login, ""));
        let decoded = [decoded(username)?, decoded(password)?];
        let login = (!login.is_empty()).then_some(decoded);
        // The same rules as for the host and port of an endpoint.
        let endpoint: Endpoint = format!("https://{address}").parse().ok()?;
        let port = match endpoint.uri().port_u16() {
            Some(port) => port,
            // An `Endpoint` drops an explicit `:443`.
            None if has_port(address) => 443,
            None => DEFAULT_PORT,
        };
        let host = endpoint.uri().host()?.to_owned();
        Some(Self { host, port, login })
    }

    /// Returns the host; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL with user and password, percent-encoded. It is a secret.
    pub fn url(&self) -> String {
        let Some(login) = &self.login else { return format!("http://{self}") };
        let [user, password] = login.each_ref().map(|s| utf8_percent_encode(s, NON_ALPHANUMERIC));
        format!("http://{user}:{password}@{self}")
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// Returns whether a text is safe to show as a scheme, because it cannot be part of a login.
fn is_scheme(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    text.len() <= LONGEST_SCHEME
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(is_allowed)
}

fn has_port(address: &str) -> bool {
    let port = address.trim_end_matches('/').rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

fn decoded(text: &str) -> Option<String> {
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

/// The schemes that proxies use. Another word could be a login that the proxy sends back.
const SCHEMES: [&str; 6] = ["Basic", "Digest", "NTLM", "Negotiate", "Kerberos", "Bearer"];

/// Returns the schemes of a list of challenges: the first word of each (RFC 9110, 11.6.1).
fn schemes_of(challenges: &[u8]) -> Vec<&'static str> {
    let text = String::from_utf8_lossy(challenges);
    // A comma inside quotes is no separator, so skip every second piece.
    let unquoted: String = text.split('"').step_by(2).collect();
    let words = unquoted.split(',').filter_map(|piece| piece.split_whitespace().next());
    let known = |word: &str| SCHEMES.into_iter().find(|scheme| scheme.eq_ignore_ascii_case(word));
    words.filter_map(known).collect()
}

/// A connection through a proxy failed. It contains only the proxy's host and port.
#[derive(Debug)]
#[non_exhaustive]
pub enum TunnelError {
    /// The proxy refused to connect.
    Refused {
        /// The proxy's host and port.
        proxy: String,
        /// The status of its answer.
        status: StatusCode,
        /// Whether the request had a login.
        had_login: bool,
        /// The schemes of its `Proxy-Authenticate`, such as `Basic` or `Negotiate`; empty if
        /// unknown.
        schemes: Box<[&'static str]>,
    },
    /// The proxy could not be reached or sent no complete answer, or the tunnel broke.
    Failed {
        /// The proxy's host and port.
        proxy: String,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl TunnelError {
    /// Creates the error of a proxy that refused with this status.
    pub fn refused(proxy: &Proxy, status: StatusCode) -> Self {
        let had_login = proxy.login.is_some();
        Self::Refused { proxy: proxy.to_string(), status, had_login, schemes: Box::default() }
    }

    /// Adds the schemes in the values of `Proxy-Authenticate` to a refusal.
    #[must_use]
    pub fn with_challenges<'a>(mut self, values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        if let Self::Refused { schemes, .. } = &mut self {
            *schemes = values.into_iter().flat_map(schemes_of).collect();
        }
        self
    }

    /// Creates the error of a connection to or through a proxy.
    pub fn failed(proxy: &Proxy, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed { proxy: proxy.to_string(), source: source.into() }
    }

    /// Returns the fault of a refusal: permanent, unless its status names a temporary state.
    pub(crate) fn fault(&self) -> Option<TransportErrorKind> {
        let Self::Refused { status, .. } = self else { return None };
        let transient = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        Some(match status.is_server_error() || transient.contains(status) {
            true => TransportErrorKind::Connection,
            false => TransportErrorKind::Permanent,
        })
    }
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { proxy, status, had_login, schemes } => {
                write!(f, "the proxy at {proxy} refused to connect with status {status}")?;
                if *status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && *had_login {
                    f.write_str(", although a login was sent")?;
                }
                match schemes.is_empty() {
                    true => Ok(()),
                    false => write!(f, "; it accepts logins by {}", schemes.join(", ")),
                }
            }
            Self::Failed { proxy, .. } => {
                write!(f, "the connection through the proxy at {proxy} failed")
            }
        }
    }
}

impl Error for TunnelError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused { .. } => None,
            Self::Failed { source, .. } => Some(&**source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemes(values: &[&str]) -> Vec<&'static str> {
        let proxy = Proxy::parse("HTTPS_PROXY", "p.example").expect("a proxy");
        let error = TunnelError::refused(&proxy, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        match error.with_challenges(values.iter().map(|value| value.as_bytes())) {
            TunnelError::Refused { schemes, .. } => schemes.into_vec(),
            TunnelError::Failed { .. } => Vec::new(),
        }
    }

    #[test]
    fn the_schemes_of_all_challenges_are_read() {
        assert_eq!(schemes(&[r#"Basic realm="a, b", charset="UTF-8""#]), ["Basic"]);
        assert_eq!(schemes(&["Negotiate", "NTLM"]), ["Negotiate", "NTLM"]);
        // The example of RFC 9110, 11.6.1.
        let two =
            r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#;
        assert_eq!(schemes(&[two]), ["Basic"]);
        assert_eq!(schemes(&["Negotiate YWJj=="]), ["Negotiate"]);
    }

    #[test]
    fn words_that_are_no_known_scheme_are_left_out() {
        // The last two are a login in base64, and a password.
        for value in ["", " , ", "a\u{1b}[2J", "u:EXAMPLE", "dTpFWEFNUExF", "EXAMPLE realm=x"] {
            assert!(schemes(&[value]).is_empty(), "{value}");
        }
        assert_eq!(schemes(&["basic", "NTLM, EXAMPLE"]), ["Basic", "NTLM"]);
    }

    #[test]
    fn a_refused_login_is_reported_with_the_accepted_schemes() {
        let text = |url, status, challenge: &str| {
            let proxy = Proxy::parse("HTTPS_PROXY", url).expect("a proxy");
            let error = TunnelError::refused(&proxy, status);
            error.with_challenges([challenge.as_bytes()]).to_string()
        };
        let (status, login) = (StatusCode::PROXY_AUTHENTICATION_REQUIRED, "u:EXAMPLE@p.example");
        let refused = "the proxy at p.example:80 refused to connect with status";
        let expected = format!("{refused} 407 Proxy Authentication Required");
        assert_eq!(text("p.example", status, ""), expected);
        let expected =
            format!("{expected}, although a login was sent; it accepts logins by Negotiate, NTLM");
        assert_eq!(text(login, status, "Negotiate, NTLM"), expected);
        // With another status, the login was not the reason.
        assert_eq!(text(login, StatusCode::FORBIDDEN, ""), format!("{refused} 403 Forbidden"));
    }

    #[test]
    fn a_refusal_knows_whether_a_login_was_sent() {
        for (url, expected) in [("u:EXAMPLE@p.example", true), ("p.example", false)] {
            let proxy = Proxy::parse("HTTPS_PROXY", url).expect("a proxy");
            let error = TunnelError::refused(&proxy, StatusCode::FORBIDDEN);
            assert!(
                matches!(error, TunnelError::Refused { had_login, .. } if had_login == expected)
            );
        }
    }
}
