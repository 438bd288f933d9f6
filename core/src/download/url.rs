use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use http::{HeaderValue, Uri, uri::Authority};
use percent_encoding::percent_decode_str;

use super::policy::Policy;
use crate::{
    endpoint::{host_and_port, ip_address, is_loopback, uri_and_host},
    error::{BuildError, Field, Reason},
    limits::AddressPolicy,
    signing::HexDigest,
    text::{digits, printable},
    time::Wall,
};

/// The presigned URL of an exported file.
///
/// Anyone who has it can fetch the file, so `Debug` and `Display` hide its query.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DownloadUrl(String);

impl DownloadUrl {
    /// Creates a URL from any text but the empty one.
    ///
    /// ```
    /// use tcss_export_core::DownloadUrl;
    ///
    /// let url = DownloadUrl::new("https://h.example/a.csv?q-signature=EXAMPLE").unwrap();
    /// assert_eq!(url.to_string(), "https://h.example/a.csv?...");
    /// assert_eq!(DownloadUrl::new(""), None);
    /// ```
    pub fn new(url: impl Into<String>) -> Option<Self> {
        let url = url.into();
        (!url.is_empty()).then_some(Self(url))
    }

    /// Returns the whole URL, including its secret query.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the whole URL, including its secret query.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Masks the query values that may be secrets.
    pub(super) fn mask(&self, text: &mut String) {
        self.secrets().for_each(|secret| *text = text.replace(&*secret, "..."));
    }

    /// Returns the query values that may be secrets, as sent and decoded.
    fn secrets(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let (_, query) = self.0.split_once('?').unwrap_or_default();
        let values = query.split('&').map(|text| text.split_once('=').map_or(text, |(_, v)| v));
        let forms = |value| [Cow::Borrowed(value), percent_decode_str(value).decode_utf8_lossy()];
        values.flat_map(forms).filter(|value| value.len() >= SHORTEST_SECRET)
    }
}

/// Shorter values are not treated as secrets: many texts contain them by chance.
const SHORTEST_SECRET: usize = 16;

impl fmt::Display for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.0.split(['?', '#']).next().unwrap_or_default();
        // Without a scheme it is unclear which part could be secret.
        let Some((scheme, rest)) = open.split_once("://") else { return f.write_str("...") };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // The user part may contain a password.
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(f, "{}://{}{}", printable(scheme), printable(host), printable(path))?;
        if open.len() < self.0.len() { f.write_str("?...") } else { Ok(()) }
    }
}

impl fmt::Debug for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadUrl({self})")
    }
}

/// A checked download URL and the parts that a request needs, byte for byte.
#[derive(Clone)]
pub(super) struct Location {
    pub(super) url: DownloadUrl,
    pub(super) expiry: Option<Wall>,
    pub(super) uri: Uri,
    pub(super) host: HeaderValue,
    pub(super) address_policy: AddressPolicy,
    /// Identifies the file: the URL without its query, and a hash of the parameters that do not
    /// belong to a signature, if any. It contains no secret.
    pub(super) object: String,
}

/// The longest URL that `http::Uri` takes.
const LONGEST: usize = u16::MAX as usize - 1;

impl Location {
    pub(super) fn new(url: DownloadUrl, policy: &Policy) -> Result<Self, BuildError> {
        let text = url.as_str();
        check_text(text)?;
        let (scheme, rest) = text.split_once("://").ok_or(refused(Reason::UrlScheme))?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(&*scheme, "https" | "http") {
            return Err(refused(Reason::UrlScheme));
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(refused(Reason::UserInfo));
        }
        let authority = authority.to_ascii_lowercase();
        let (host, port) = host_and_port(&authority).map_err(refused)?;
        if scheme == "http" && !policy.allow_http && !is_loopback(host) {
            return Err(refused(Reason::PlainHttp));
        }
        let address_policy = address_policy(host, policy).ok_or(refused(Reason::PrivateAddress))?;
        // The target of a request starts with a slash.
        let slash = if target.starts_with('/') { "" } else { "/" };
        let (uri, host_value) = uri_and_host(&scheme, host, port, &format!("{slash}{target}"))
            .ok_or(refused(Reason::InvalidCharacter))?;
        let authority = uri.authority().map_or(host, Authority::as_str);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let naming: Vec<_> = query.split('&').filter(|parameter| is_naming(parameter)).collect();
        let mut object = format!("{scheme}://{authority}{path}");
        if !naming.is_empty() {
            object += &format!("?{}", HexDigest::of(naming.join("&").as_bytes()));
        }
        Ok(Self { expiry: expiry(text), url, uri, host: host_value, address_policy, object })
    }
}

/// Returns whether a parameter of the query may identify the file: it belongs to no signature of
/// the object store or of S3.
///
/// Source: [Request signature](https://www.tencentcloud.com/document/product/436/7778).
fn is_naming(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let of_signature = name.starts_with("x-amz-")
        || matches!(
            &*name,
            "q-sign-algorithm"
                | "q-ak"
                | "q-sign-time"
                | "q-key-time"
                | "q-header-list"
                | "q-url-param-list"
                | "q-signature"
                | "x-cos-security-token"
                | "sign"
                | "signature"
                | "expires"
                | "awsaccesskeyid"
        );
    !parameter.is_empty() && !of_signature
}

/// Returns the policy for the addresses of a host, or an error for a forbidden address.
fn address_policy(host: &str, policy: &Policy) -> Option<AddressPolicy> {
    let allowed = match &*policy.private_networks {
        [] => AddressPolicy::Public,
        networks => AddressPolicy::PublicAnd(networks.into()),
    };
    let address = ip_address(host);
    if is_loopback(host) {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let is_permitted = policy.allow_loopback || allowed.permits(address);
        return is_permitted.then_some(AddressPolicy::Loopback);
    }
    address.is_none_or(|address| allowed.permits(address)).then_some(allowed)
}

fn check_text(text: &str) -> Result<(), BuildError> {
    if text.len() > LONGEST {
        return Err(refused(Reason::TooLong));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(refused(Reason::WhiteSpace));
    }
    // No client would send it, although it may be part of the signed text.
    if text.contains('#') {
        return Err(refused(Reason::Fragment));
    }
    Ok(())
}

const fn refused(reason: Reason) -> BuildError {
    BuildError::new(Field::DownloadUrl, reason)
}

/// Returns when a presigned URL of the object store expires: the earlier end of the two time
/// windows in its query, `start;end` in Unix seconds.
///
/// Source: [Request signature](https://www.tencentcloud.com/document/product/436/7778).
fn expiry(url: &str) -> Option<Wall> {
    let (_, query) = url.split_once('?')?;
    query.split('&').filter_map(window_end).min().map(Wall::from_unix_seconds)
}

fn window_end(parameter: &str) -> Option<i64> {
    let (name, value) = parameter.split_once('=')?;
    if !matches!(name, "q-sign-time" | "q-key-time") {
        return None;
    }
    let value = percent_decode_str(value).decode_utf8().ok()?;
    let (_, end) = value.split_once(';')?;
    digits(end)
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, string::ToString};

    use super::*;

    fn shown(url: &str) -> String {
        DownloadUrl::new(url).unwrap().to_string()
    }

    #[test]
    fn the_whole_url_can_be_taken_out() {
        let text = "https://h.example/a?q-signature=EXAMPLE";
        assert_eq!(DownloadUrl::new(text).unwrap().into_string(), text);
    }

    #[test]
    fn query_fragment_and_user_part_are_hidden() {
        assert_eq!(
            shown("https://h.example/a%2Fb.csv?sign=EXAMPLE"),
            "https://h.example/a%2Fb.csv?..."
        );
        assert_eq!(shown("https://h.example/a#EXAMPLE"), "https://h.example/a?...");
        assert_eq!(shown("https://u:EXAMPLE@h.example/a"), "https://h.example/a");
        assert_eq!(shown("https://h.example?EXAMPLE"), "https://h.example?...");
    }

    #[test]
    fn a_text_without_a_scheme_is_not_shown() {
        for text in ["h.example/a?EXAMPLE://x/y", "//u:EXAMPLE@h/x", "https:/u:EXAMPLE@h/a"] {
            assert_eq!(shown(text), "...");
        }
    }

    #[test]
    fn url_without_a_query_is_shown_whole() {
        assert_eq!(shown("http://1.2.3.4/result.csv"), "http://1.2.3.4/result.csv");
    }

    fn location(url: &str) -> Result<Location, Reason> {
        with(url, &Policy::default())
    }

    fn with(url: &str, policy: &Policy) -> Result<Location, Reason> {
        Location::new(DownloadUrl::new(url).unwrap(), policy).map_err(|error| {
            assert_eq!(error.field(), Field::DownloadUrl);
            error.reason()
        })
    }

    fn target(url: &str) -> String {
        location(url).unwrap().uri.path_and_query().unwrap().as_str().into()
    }

    #[test]
    fn path_and_query_stay_unchanged() {
        let host = "https://export-1250000000.cos.ap-guangzhou.myqcloud.com";
        for text in [
            "/p%2Fq%2B(1)%20x.csv?q-sign-time=1699979400;1699983000&k=a%2Bb",
            "/a//b/../c?sign=abc",
            "/%e5%af%bc?x=%E5",
            "/\u{5bfc}.csv?sign=a'b{}|^`~\\",
            "/?",
        ] {
            assert_eq!(target(&format!("{host}{text}")), text);
        }
        assert_eq!(target("https://h.example?sign=abc"), "/?sign=abc");
        assert_eq!(target("https://h.example"), "/");
    }

    #[test]
    fn host_is_sent_in_lower_case_and_without_the_default_port() {
        let policy = Policy { allow_loopback: true, ..Policy::default() };
        let host = |url| with(url, &policy).unwrap().host.to_str().unwrap().to_owned();
        assert_eq!(host("HTTPS://H.Example:443/A"), "h.example");
        assert_eq!(host("https://h.example:8443/A"), "h.example:8443");
        assert_eq!(host("http://127.0.0.1:80/A"), "127.0.0.1");
    }

    #[test]
    fn the_object_has_no_secret_query() {
        let object = location("https://H.example/a%2F.csv?q-signature=EXAMPLE").unwrap().object;
        assert_eq!(object, "https://h.example/a%2F.csv");
    }

    #[test]
    fn parameters_outside_the_signature_identify_the_file() {
        let object =
            |query: &str| location(&["https://h.example/report", query].concat()).unwrap().object;
        let plain = "https://h.example/report";
        for query in [
            "",
            "?",
            "?q-sign-algorithm=sha1&q-ak=EXAMPLE&q-sign-time=1;2&q-signature=EXAMPLE",
            "?q-key-time=1;2&q-header-list=host&q-url-param-list=",
            "?x-cos-security-token=EXAMPLE&Q-Signature=EXAMPLE",
            "?AWSAccessKeyId=EXAMPLE&Expires=1&Signature=EXAMPLE",
            "?X-Amz-Signature=EXAMPLE&&sign=EXAMPLE",
        ] {
            assert_eq!(object(query), plain, "{query}");
        }
        // printf 'id=1' | sha256sum
        let one = "d9fc91d45c096b5e27dc6304d8015dc5cb0a959cd078ca25fafcf2333087728e";
        assert_eq!(object("?id=1"), [plain, "?", one].concat());
        assert_eq!(object("?q-ak=EXAMPLE&id=1&sign=EXAMPLE"), object("?id=1"));
        assert_ne!(object("?id=1"), object("?id=2"));
        assert_ne!(object("?id=1"), object("?id=1&part=2"));
        for parameter in ["q", "q-id", "", "response-content-disposition", "versionId"] {
            let [one, two] = ["1", "2"].map(|value| object(&format!("?{parameter}={value}")));
            assert_ne!(one, two, "{parameter}");
        }
    }

    #[test]
    fn plain_http_and_private_addresses_need_an_option() {
        let http = Policy { allow_http: true, ..Policy::default() };
        let ten = "10.0.0.0".parse().unwrap()..="10.255.255.255".parse().unwrap();
        let private = Policy { private_networks: [ten].into(), ..Policy::default() };
        assert_eq!(location("http://h.example/a").err(), Some(Reason::PlainHttp));
        assert!(with("http://h.example/a", &http).is_ok());
        assert_eq!(location("https://10.0.0.1/a").err(), Some(Reason::PrivateAddress));
        assert_eq!(with("http://169.254.0.23/a", &http).err(), Some(Reason::PrivateAddress));
        assert_eq!(location("https://[::ffff:10.0.0.1]/").err(), Some(Reason::PrivateAddress));
        let address_policy = AddressPolicy::PublicAnd((&*private.private_networks).into());
        for url in ["https://10.0.0.1/a", "https://[::ffff:10.0.0.1]/", "https://h.example/a"] {
            assert_eq!(with(url, &private).unwrap().address_policy, address_policy, "{url}");
        }
        for url in ["https://11.0.0.1/a", "https://h.example/a"] {
            assert_eq!(location(url).unwrap().address_policy, AddressPolicy::Public, "{url}");
        }
        assert_eq!(with("http://10.0.0.1/a", &private).err(), Some(Reason::PlainHttp));
        assert_eq!(with("https://192.168.0.1/a", &private).err(), Some(Reason::PrivateAddress));
    }

    #[test]
    fn loopback_hosts_need_an_option() {
        let loopback = Policy { allow_loopback: true, ..Policy::default() };
        let one = "127.0.0.1".parse().unwrap();
        let network = Policy { private_networks: [one..=one].into(), ..Policy::default() };
        for url in ["http://127.0.0.1:1/a", "https://localhost/a"] {
            assert_eq!(location(url).err(), Some(Reason::PrivateAddress), "{url}");
            for policy in [&loopback, &network] {
                let location = with(url, policy).unwrap();
                assert_eq!(location.address_policy, AddressPolicy::Loopback, "{url}");
            }
        }
        for host in ["[::ffff:127.0.0.1]", "[::127.0.0.1]", "0.0.0.0", "[::]"] {
            let reached = location(&format!("https://{host}/a")).err();
            assert_eq!(reached, Some(Reason::PrivateAddress), "{host}");
        }
        assert!(with("http://[::1]/a", &loopback).is_ok());
        assert_eq!(with("http://[::1]/a", &network).err(), Some(Reason::PrivateAddress));
        assert_eq!(with("https://10.0.0.1/a", &loopback).err(), Some(Reason::PrivateAddress));
    }

    #[test]
    fn texts_that_are_not_a_url_are_refused() {
        for (text, reason) in [
            ("report.csv", Reason::UrlScheme),
            ("//h.example/a", Reason::UrlScheme),
            ("file:///etc/passwd", Reason::UrlScheme),
            ("file://localhost/etc/passwd", Reason::UrlScheme),
            ("ftp://h.example/a", Reason::UrlScheme),
            ("https:///a", Reason::Host),
            ("https://u:EXAMPLE@h.example/a", Reason::UserInfo),
            ("https://h.example:99999/a", Reason::Port),
            ("https://h.example\\@x/a", Reason::UserInfo),
            ("https://h.example\\a", Reason::Host),
            ("https://h.example/a?\"b\"", Reason::InvalidCharacter),
            ("https://0x7f000001/a", Reason::Host),
            ("https://127.1/a", Reason::Host),
            ("https://localhost./a", Reason::Host),
            ("https://h.example/a b", Reason::WhiteSpace),
            ("https://h.example/a\r\nX: y", Reason::WhiteSpace),
            ("https://h.example/a#b", Reason::Fragment),
            ("https://h.example/<a>", Reason::InvalidCharacter),
        ] {
            assert_eq!(location(text).err(), Some(reason), "{text:?}");
        }
    }

    // The longest URL of the crate `http` has 65,534 bytes.
    #[test]
    fn the_longest_url_is_accepted_and_one_more_byte_is_refused() {
        let of_length = |length| location(&format!("{:a<length$}", "https://h.example/"));
        assert!(of_length(65_534).is_ok());
        assert_eq!(of_length(65_535).err(), Some(Reason::TooLong));
    }

    fn seconds(url: &str) -> Option<i64> {
        expiry(url).map(Wall::unix_seconds)
    }

    #[test]
    fn the_earlier_window_counts() {
        let plain = "https://h.example/a?q-sign-time=1699979400;1699983000&k=a%2Bb";
        assert_eq!(seconds(plain), Some(1_699_983_000));
        let both = "https://h/a?q-sign-time=1%3B30&x=q-sign-time=1;2&q-key-time=1%3b20";
        assert_eq!(seconds(both), Some(20));
    }

    #[test]
    fn a_url_without_a_window_has_no_known_expiry() {
        for url in [
            "https://h.example/a",
            "https://h.example/q-sign-time=1;2",
            "https://h.example/a?q-sign-time=1",
            "https://h.example/a?q-sign-time=1;",
            "https://h.example/a?q-sign-time=1;-2",
            "https://h.example/a?q-sign-time=1;+2",
            "https://h.example/a?q-sign-time=1;99999999999999999999",
            "https://h.example/a?q-sign-time=%ff;2",
            "https://h.example/a?sign=abc",
        ] {
            assert_eq!(seconds(url), None, "{url}");
        }
    }
}
