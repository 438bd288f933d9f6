use alloc::format;
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use http::{HeaderValue, Uri};

use crate::{
    error::{BuildError, Field, Reason},
    text::digits,
};

/// The scheme, host and port of the service. The name of the service does not depend on it.
///
/// ```
/// use tcss_export_core::Endpoint;
///
/// let endpoint: Endpoint = "https://TCSS.Intl.TencentCloudAPI.com/".parse()?;
/// assert_eq!(endpoint, Endpoint::international());
/// assert_eq!(endpoint.host(), "tcss.intl.tencentcloudapi.com");
/// # Ok::<(), tcss_export_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    uri: Uri,
    /// The value of `Host`.
    pub(crate) host: HeaderValue,
}

impl Endpoint {
    /// Returns the [international site](https://www.tencentcloud.com/document/product/1163/52896).
    pub fn international() -> Self {
        Self::known("https://tcss.intl.tencentcloudapi.com/", "tcss.intl.tencentcloudapi.com")
    }

    /// Returns the mainland site.
    pub fn mainland() -> Self {
        Self::known("https://tcss.tencentcloudapi.com/", "tcss.tencentcloudapi.com")
    }

    /// Returns the endpoint of one region, such as `ap-singapore`.
    ///
    /// # Errors
    ///
    /// For [`Field::Region`]: [`Reason::Empty`], or [`Reason::InvalidCharacter`] for anything but
    /// letters, digits and inner hyphens.
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_core::Endpoint;
    ///
    /// let endpoint = Endpoint::regional("ap-singapore")?;
    /// assert_eq!(endpoint.host(), "tcss.ap-singapore.tencentcloudapi.com");
    /// # Ok::<(), tcss_export_core::BuildError>(())
    /// ```
    pub fn regional(region: &str) -> Result<Self, BuildError> {
        check_region(region)?;
        if region.is_empty() {
            return Err(BuildError::new(Field::Region, Reason::Empty));
        }
        let endpoint = format!("tcss.{region}.tencentcloudapi.com").parse();
        endpoint.map_err(|_| BuildError::new(Field::Region, Reason::InvalidCharacter))
    }

    /// Returns the value of `Host`: the host, and the port unless it is the scheme's default.
    pub fn host(&self) -> &str {
        self.host.to_str().unwrap_or_default()
    }

    /// Returns the URI of requests.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns whether the host is this machine, for which no proxy may be used.
    pub fn is_loopback(&self) -> bool {
        self.uri.host().is_some_and(is_loopback)
    }

    /// A clone of static text updates no reference count, which saves a fifteenth of a request's
    /// time.
    fn known(uri: &'static str, host: &'static str) -> Self {
        Self { uri: Uri::from_static(uri), host: HeaderValue::from_static(host) }
    }
}

/// Parses `host`, `host:port` or a URL of either; the default scheme is `https`.
impl FromStr for Endpoint {
    type Err = BuildError;

    /// # Errors
    ///
    /// For [`Field::Endpoint`]: [`Reason::Empty`]; [`Reason::WhiteSpace`] for white space and
    /// control characters; [`Reason::Scheme`] for any scheme but `https` (or `http` to a loopback
    /// host); [`Reason::UserInfo`], [`Reason::Path`], [`Reason::Query`], [`Reason::Fragment`] for
    /// parts that an endpoint cannot have; [`Reason::Port`]; [`Reason::Host`] for anything but an
    /// ASCII host name or an IP address.
    fn from_str(text: &str) -> Result<Self, BuildError> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(refused(Reason::WhiteSpace));
        }
        let text = text.to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", &text));
        let (host, port) = host_and_port(authority(rest)?).map_err(refused)?;
        if scheme != "https" && !(scheme == "http" && is_loopback(host)) {
            return Err(refused(Reason::Scheme));
        }
        let (uri, host) = uri_and_host(scheme, host, port, "/").ok_or(refused(Reason::Host))?;
        Ok(Self { uri, host })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.uri.scheme_str().unwrap_or_default(), self.host())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// Returns the text between the scheme and one final slash.
///
/// `http::Uri` would drop a fragment and accept a port of 99999, so it gets checked text only.
fn authority(rest: &str) -> Result<&str, BuildError> {
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let reasons = [
        ('#', Reason::Fragment),
        ('?', Reason::Query),
        ('/', Reason::Path),
        ('\\', Reason::Path),
        ('@', Reason::UserInfo),
    ];
    match reasons.into_iter().find(|(mark, _)| authority.contains(*mark)) {
        Some((_, reason)) => Err(refused(reason)),
        None if authority.is_empty() => Err(refused(Reason::Empty)),
        None => Ok(authority),
    }
}

const fn refused(reason: Reason) -> BuildError {
    BuildError::new(Field::Endpoint, reason)
}

pub(crate) fn check_region(region: &str) -> Result<(), BuildError> {
    if region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(());
    }
    Err(BuildError::new(Field::Region, Reason::InvalidCharacter))
}

/// Splits the lower-case authority of a URL into host and port; an IPv6 address keeps its brackets.
pub(crate) fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), Reason> {
    // An IPv6 address has colons of its own.
    let end_of_host = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None if authority.starts_with('[') => return Err(Reason::Host),
        None => 0,
    };
    let (host, port) = match authority[end_of_host..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(end_of_host + colon);
            (host, Some(digits(&port[1..]).filter(|port| *port > 0).ok_or(Reason::Port)?))
        }
        None => (authority, None),
    };
    if is_host(host) { Ok((host, port)) } else { Err(Reason::Host) }
}

/// Returns the URI and the value of `Host` for requests; both omit the scheme's default port.
pub(crate) fn uri_and_host(
    scheme: &str,
    host: &str,
    port: Option<u16>,
    target: &str,
) -> Option<(Uri, HeaderValue)> {
    let authority = match (scheme, port) {
        (_, None) | ("https", Some(443)) | ("http", Some(80)) => host.into(),
        (_, Some(port)) => format!("{host}:{port}"),
    };
    let uri = Uri::builder().scheme(scheme).authority(&*authority).path_and_query(target).build();
    Some((uri.ok()?, HeaderValue::try_from(authority).ok()?))
}

fn is_host(host: &str) -> bool {
    if host.starts_with('[') {
        return ip_address(host).is_some();
    }
    // Some resolvers read a name whose last label is a number as an IPv4 address.
    if host.rsplit('.').next().is_some_and(is_number) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

fn is_label(label: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(is_allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Returns the address of a host that is an IP address.
pub(crate) fn ip_address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || ip_address(host).is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    fn host_of(text: &str) -> String {
        text.parse::<Endpoint>().unwrap_or_else(|e| panic!("{text}: {e}")).host().to_string()
    }

    #[test]
    fn all_spellings_of_a_host_are_one_endpoint() {
        for text in [
            "tcss.intl.tencentcloudapi.com",
            "https://tcss.intl.tencentcloudapi.com/",
            "https://TCSS.Intl.TencentCloudAPI.com/",
            "HTTPS://tcss.intl.tencentcloudapi.com:443",
        ] {
            assert_eq!(text.parse(), Ok(Endpoint::international()), "{text}");
        }
    }

    #[test]
    fn both_sites_have_a_constructor() {
        assert_eq!(Endpoint::international().host(), "tcss.intl.tencentcloudapi.com");
        assert_eq!("tcss.tencentcloudapi.com".parse(), Ok(Endpoint::mainland()));
        let regional = Endpoint::regional("ap-singapore").unwrap();
        assert_eq!(regional.host(), "tcss.ap-singapore.tencentcloudapi.com");
    }

    #[test]
    fn the_default_port_is_not_sent() {
        assert_eq!(host_of("gw.example:8443"), "gw.example:8443");
        assert_eq!(host_of("https://gw.example:0443"), "gw.example");
        assert_eq!(host_of("http://127.0.0.1:80"), "127.0.0.1");
        assert_eq!(host_of("http://127.0.0.1:443"), "127.0.0.1:443");
        assert_eq!(host_of("http://[::1]:8080"), "[::1]:8080");
    }

    #[test]
    fn http_is_for_loopback_only() {
        for text in ["http://127.0.0.1:1", "http://127.8.9.1", "http://[::1]", "http://localhost"] {
            assert!(text.parse::<Endpoint>().unwrap().is_loopback(), "{text}");
        }
        for text in ["http://gw.example", "http://127.0.0.1.example", "http://localhost.example"] {
            assert_eq!(text.parse::<Endpoint>(), Err(refused(Reason::Scheme)), "{text}");
        }
        assert!(!Endpoint::mainland().is_loopback());
    }

    #[test]
    fn texts_that_are_not_an_endpoint_are_refused() {
        let long_label = format!("{}.example", "a".repeat(64));
        for (text, reason) in [
            ("", Reason::Empty),
            ("https://", Reason::Empty),
            ("/", Reason::Empty),
            ("h.example/path", Reason::Path),
            ("h.example//", Reason::Path),
            ("h.example\\path", Reason::Path),
            ("h.example?q=1", Reason::Query),
            ("h.example/?q=1", Reason::Query),
            ("h.example#frag", Reason::Fragment),
            ("user@h.example", Reason::UserInfo),
            ("user:EXAMPLE@h.example", Reason::UserInfo),
            (" h.example", Reason::WhiteSpace),
            ("h.example\r\nx: y", Reason::WhiteSpace),
            ("h.example:99999", Reason::Port),
            ("h.example:", Reason::Port),
            ("h.example:0", Reason::Port),
            ("h.example:+443", Reason::Port),
            ("h.example:44a", Reason::Port),
            ("::1", Reason::Port),
            ("[::1", Reason::Host),
            ("[::1]x", Reason::Host),
            ("[fe80::1%25eth0]", Reason::Host),
            ("h..example", Reason::Host),
            ("h.example.", Reason::Host),
            (":443", Reason::Host),
            ("-h.example", Reason::Host),
            ("1.2.3.999", Reason::Host),
            ("127.1", Reason::Host),
            ("0x7f000001", Reason::Host),
            ("1.0x2", Reason::Host),
            ("b\u{fc}cher.example", Reason::Host),
            (&long_label, Reason::Host),
            ("ftp://h.example", Reason::Scheme),
            ("http://h.example", Reason::Scheme),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(refused(reason)), "{text:?}");
        }
    }
}
