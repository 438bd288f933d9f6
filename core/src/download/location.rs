use alloc::{format, string::String};

use http::{HeaderValue, Uri};

use super::{expiry::expiry, policy::Policy, reach::Reach};
use crate::{
    download_url::DownloadUrl,
    error::{BuildError, Field, Reason},
    host::{host_and_port, ip_address, is_loopback},
    time::Wall,
};

/// A download URL, taken apart as far as a request needs it; path and query stay as they are, byte
/// for byte.
#[derive(Clone)]
pub(super) struct Location {
    pub(super) url: DownloadUrl,
    pub(super) expiry: Option<Wall>,
    pub(super) uri: Uri,
    pub(super) host: HeaderValue,
    pub(super) reach: Reach,
    /// Where the file is, without the secret part: what is left of one download goes on by another
    /// URL of the same file only.
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
        let default_port = match &*scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(refused(Reason::UrlScheme)),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = checked_host(authority)?;
        if scheme == "http" && !policy.allows_http() && !is_loopback(&host) {
            return Err(refused(Reason::PlainHttp));
        }
        let reach = Reach::of_host(&host, policy);
        if ip_address(&host).is_some_and(|address| !reach.permits(address)) {
            return Err(refused(Reason::PrivateAddress));
        }
        let authority = match port {
            Some(port) if port != default_port => format!("{host}:{port}"),
            _ => host,
        };
        let path = target.split('?').next().unwrap_or_default();
        let object = format!("{scheme}://{authority}{path}");
        // A request's target begins with a slash.
        let slash = if target.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{target}");
        let uri = Uri::builder().scheme(&*scheme).authority(&*authority).path_and_query(target);
        match (uri.build(), HeaderValue::try_from(authority)) {
            (Ok(uri), Ok(host)) => {
                let expiry = expiry(text);
                Ok(Self { url, expiry, uri, host, reach, object })
            }
            _ => Err(refused(Reason::InvalidCharacter)),
        }
    }
}

fn check_text(text: &str) -> Result<(), BuildError> {
    if text.len() > LONGEST {
        return Err(refused(Reason::TooLong));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(refused(Reason::WhiteSpace));
    }
    // No client would send it, and what was signed may have had it.
    if text.contains('#') {
        return Err(refused(Reason::Fragment));
    }
    Ok(())
}

fn checked_host(authority: &str) -> Result<(String, Option<u16>), BuildError> {
    if authority.contains('@') {
        return Err(refused(Reason::UserInfo));
    }
    let authority = authority.to_ascii_lowercase();
    let (host, port) = host_and_port(&authority).map_err(refused)?;
    Ok((host.into(), port))
}

const fn refused(reason: Reason) -> BuildError {
    BuildError::new(Field::DownloadUrl, reason)
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

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
    fn d3_path_and_query_stay_as_they_are() {
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
    fn host_is_sent_in_lower_case_and_with_a_port_of_its_own_only() {
        let host = |url| location(url).unwrap().host.to_str().unwrap().to_owned();
        assert_eq!(host("HTTPS://H.Example:443/A"), "h.example");
        assert_eq!(host("https://h.example:8443/A"), "h.example:8443");
        assert_eq!(host("http://127.0.0.1:80/A"), "127.0.0.1");
    }
    #[test]
    fn what_is_kept_of_a_url_is_not_secret() {
        let object = location("https://H.example/a%2F.csv?q-signature=EXAMPLE").unwrap().object;
        assert_eq!(object, "https://h.example/a%2F.csv");
    }

    #[test]
    fn plain_http_and_private_addresses_need_an_option() {
        let http = Policy::default().allowing_http();
        let private = Policy::default().allowing_private();
        assert_eq!(location("http://h.example/a").err(), Some(Reason::PlainHttp));
        assert!(with("http://h.example/a", &http).is_ok());
        assert_eq!(location("https://10.0.0.1/a").err(), Some(Reason::PrivateAddress));
        assert_eq!(with("http://169.254.0.23/a", &http).err(), Some(Reason::PrivateAddress));
        assert_eq!(location("https://[::ffff:10.0.0.1]/").err(), Some(Reason::PrivateAddress));
        assert_eq!(with("https://10.0.0.1/a", &private).unwrap().reach, Reach::Any);
        assert_eq!(with("http://10.0.0.1/a", &private).err(), Some(Reason::PlainHttp));
        assert_eq!(location("http://127.0.0.1:1/a").unwrap().reach, Reach::Loopback);
        assert_eq!(location("https://localhost/a").unwrap().reach, Reach::Loopback);
        assert_eq!(location("https://h.example/a").unwrap().reach, Reach::Public);
    }

    #[test]
    fn texts_that_are_no_url_are_refused() {
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
            ("https://h.example/a b", Reason::WhiteSpace),
            ("https://h.example/a\r\nX: y", Reason::WhiteSpace),
            ("https://h.example/a#b", Reason::Fragment),
            ("https://h.example/<a>", Reason::InvalidCharacter),
        ] {
            assert_eq!(location(text).err(), Some(reason), "{text:?}");
        }
        let long = format!("https://h.example/{}", "a".repeat(LONGEST));
        assert_eq!(location(&long).err(), Some(Reason::TooLong));
    }
}
