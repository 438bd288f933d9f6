//! Which proxy a connection uses, which addresses it may use, and what its errors mean.

use std::{error::Error, io, net::IpAddr};

use http::{StatusCode, Uri};
use tcss_export_core::{AddressPolicy, Endpoint, TransportErrorKind};
use tcss_export_driver::{AddressError, Proxies, Proxy, ProxyError, TransportError, TunnelError};

const GATEWAY: &str = "gw.corp.example";

fn proxy_for(endpoint: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, ProxyError> {
    let endpoint: Endpoint = endpoint.parse().expect("an endpoint");
    let named = |name: &str| variables.iter().find(|(known, _)| *known == name);
    Proxies::from_variables(|name| named(name).map(|(_, value)| value.into())).proxy_for(&endpoint)
}

/// Returns the host and port of the proxy for the gateway; empty if it has none.
fn chosen(variables: &[(&str, &str)]) -> String {
    let proxy = proxy_for(GATEWAY, variables).expect("a proxy or none");
    proxy.map(|proxy| proxy.to_string()).unwrap_or_default()
}

/// Returns the proxy of this URL.
fn proxy(url: &str) -> Result<Proxy, ProxyError> {
    Ok(proxy_for(GATEWAY, &[("https_proxy", url)])?.expect("a proxy"))
}

fn is_url_excepted(url: &'static str, list: &str) -> bool {
    let proxies = Proxies::from_variables(|name| match name {
        "https_proxy" => Some("http://proxy.example:3128".into()),
        "no_proxy" => Some(list.into()),
        _ => None,
    });
    proxies.proxy_for_url(&Uri::from_static(url)).expect("a usable proxy").is_none()
}

fn is_excepted(endpoint: &str, list: &str) -> bool {
    let variables = [("https_proxy", "http://proxy.example:1"), ("no_proxy", list)];
    proxy_for(endpoint, &variables).expect("a usable proxy").is_none()
}

/// Makes each row a test: the variables and the proxy that they select.
macro_rules! choices {
    ($($name:ident: [$($variable:ident = $value:literal),*] => $proxy:literal;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(chosen(&[$((stringify!($variable), $value)),*]), $proxy);
        }
    )*};
}

choices! {
    without_variables_no_proxy_is_used: [] => "";
    https_proxy_is_used_for_https: [https_proxy = "http://p.example:1"] => "p.example:1";
    upper_case_names_are_read: [HTTPS_PROXY = "http://p.example:1"] => "p.example:1";
    lower_case_takes_precedence: [HTTPS_PROXY = "http://p.example:1", https_proxy = "http://q.example:2"]
        => "q.example:2";
    an_empty_value_counts_as_unset: [https_proxy = "", HTTPS_PROXY = "http://p.example:1"]
        => "p.example:1";
    a_blank_value_counts_as_unset: [https_proxy = "  ", all_proxy = " http://p.example:1 "]
        => "p.example:1";
    all_proxy_is_used_for_https: [ALL_PROXY = "http://p.example:1"] => "p.example:1";
    https_proxy_takes_precedence_over_all_proxy: [all_proxy = "http://p.example:1", HTTPS_PROXY = "http://q.example:2"]
        => "q.example:2";
    http_proxy_is_not_used_for_https: [http_proxy = "http://p.example:1", HTTP_PROXY = "p.example"] => "";
    lower_case_exceptions_take_precedence:
        [https_proxy = "p.example:1", no_proxy = "other.example", NO_PROXY = "*"] => "p.example:1";
    empty_exceptions_count_as_unset: [https_proxy = "p.example:1", no_proxy = "", NO_PROXY = "*"]
        => "";
    an_unused_proxy_may_be_invalid: [https_proxy = "nonsense:", NO_PROXY = "*"] => "";
}

#[test]
fn loopback_is_never_proxied() {
    for url in ["http://127.0.0.1:8080", "https://localhost", "https://[::1]:8443"] {
        for value in ["http://proxy.example:3128", "socks5://proxy.example", "?"] {
            assert_eq!(proxy_for(url, &[("https_proxy", value)]), Ok(None), "{url}, {value}");
        }
    }
}

#[test]
fn a_proxy_url_has_host_port_and_login() {
    for (url, address, login) in [
        ("http://p.example:3128", "p.example:3128", ""),
        ("HTTP://P.Example:3128/", "p.example:3128", ""),
        ("p.example:3128", "p.example:3128", ""),
        ("p.example", "p.example:80", ""),
        ("http://p.example:443", "p.example:443", ""),
        ("http://192.0.2.1", "192.0.2.1:80", ""),
        ("http://[2001:db8::1]:3128", "[2001:db8::1]:3128", ""),
        ("[2001:db8::443]", "[2001:db8::443]:80", ""),
        ("http://127.0.0.1:3128", "127.0.0.1:3128", ""),
        ("http://u@p.example", "p.example:80", "u:@"),
        ("u:w@p.example:1", "p.example:1", "u:w@"),
        ("http://u:w%40%3a%25@p.example:1", "p.example:1", "u:w%40%3A%25@"),
        ("http://u:w@w:/w?#@p.example:1", "p.example:1", "u:w%40w%3A%2Fw%3F%23@"),
        ("http://:w@p.example:1", "p.example:1", ":w@"),
        ("http://@p.example:1", "p.example:1", ""),
    ] {
        let proxy = proxy(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(proxy.to_string(), address, "{url}");
        assert_eq!(format!("{}:{}", proxy.host(), proxy.port()), address, "{url}");
        assert_eq!(proxy.url(), format!("http://{login}{address}"), "{url}");
    }
}

#[test]
fn an_invalid_proxy_url_is_refused_and_not_shown() {
    let long = format!("http://u:{}@p.example:1", "W".repeat(5000));
    for url in [
        "http://",
        "http://u:WORD@",
        "http://p.example:WORD",
        "http://p.example:99999",
        "http://p.example:0",
        "http://p.example/WORD",
        "http://p.example?WORD",
        "http://u:%ffWORD@p.example:1",
        "u:WORD://@p.example",
        "http://u:WORD@p .example",
        "://p.example",
        "\u{fffd}",
        &long,
    ] {
        let error = proxy(url).expect_err(url);
        assert_eq!(error, ProxyError::Url { variable: "https_proxy" }, "{url}");
        assert!(!format!("{error} {error:?}").contains("WORD"), "{url}");
    }
    let text = proxy("http://").unwrap_err().to_string();
    assert_eq!(text, "https_proxy is not the URL of a proxy: expected http://host:port");
}

#[test]
fn another_scheme_is_refused_and_named() {
    for scheme in ["https", "socks", "socks4", "socks4a", "socks5", "socks5h", "ftp"] {
        let url = format!("{}://u:WORD@p.example:1", scheme.to_uppercase());
        let error = proxy_for(GATEWAY, &[("ALL_PROXY", &url)]).unwrap_err();
        let scheme = scheme.to_owned();
        assert_eq!(error, ProxyError::Scheme { variable: "ALL_PROXY", scheme });
    }
    let text = proxy("socks5://u:WORD@p.example").unwrap_err().to_string();
    assert_eq!(text, "https_proxy names a proxy of scheme socks5: expected http://host:port");
}

#[test]
#[cfg(unix)]
fn a_value_that_is_not_unicode_is_an_error() {
    use std::os::unix::ffi::OsStringExt;

    let proxies = Proxies::from_variables(|name| {
        (name == "https_proxy").then(|| OsStringExt::from_vec(b"http://p\xff.example".to_vec()))
    });
    let error = proxies.proxy_for(&Endpoint::mainland()).unwrap_err();
    assert_eq!(error, ProxyError::Url { variable: "https_proxy" });
}

#[test]
fn an_exception_applies_to_the_hosts_it_names() {
    for (list, endpoint) in [
        ("*", GATEWAY),
        ("gw.corp.example", GATEWAY),
        ("corp.example", GATEWAY),
        (".corp.example", GATEWAY),
        ("*.corp.example", GATEWAY),
        ("example", GATEWAY),
        (".gw.corp.example", GATEWAY),
        ("GW.Corp.EXAMPLE", GATEWAY),
        ("a.example,gw.corp.example", GATEWAY),
        (" a.example ,\tgw.corp.example ", GATEWAY),
        ("a.example gw.corp.example", GATEWAY),
        ("a:b:c, gw.corp.example", GATEWAY),
        ("gw.corp.example:443", GATEWAY),
        (".corp.example:8443", "gw.corp.example:8443"),
        ("corp.example", "gw.corp.example:8443"),
        ("*:8443", "gw.corp.example:8443"),
        ("192.0.2.9", "192.0.2.9"),
        ("192.0.2.9:8443", "192.0.2.9:8443"),
        ("192.0.2.0/24", "192.0.2.9"),
        ("192.0.2.8/31", "192.0.2.9:8443"),
        ("192.0.2.9/32", "192.0.2.9"),
        ("0.0.0.0/0", "192.0.2.9"),
        ("2001:db8::9", "https://[2001:db8::9]"),
        ("2001:DB8:0::9", "https://[2001:db8::9]:8443"),
        ("[2001:db8::9]", "https://[2001:db8::9]"),
        ("[2001:db8::9]:8443", "https://[2001:db8::9]:8443"),
        ("2001:db8::/32", "https://[2001:db8::9]"),
        ("::/0", "https://[2001:db8::9]"),
    ] {
        assert!(is_excepted(endpoint, list), "{list:?} for {endpoint}");
    }
}

#[test]
fn an_exception_applies_to_no_other_host() {
    for (list, endpoint) in [
        (",", GATEWAY),
        (".", GATEWAY),
        ("w.corp.example", GATEWAY),
        ("other.gw.corp.example", GATEWAY),
        ("corp.exampl", GATEWAY),
        ("gw.*.example", GATEWAY),
        ("gw.corp.example:8443", GATEWAY),
        ("gw.corp.example:x", GATEWAY),
        ("*:8443", GATEWAY),
        ("corp.example/", GATEWAY),
        ("0.0.0.0/0", GATEWAY),
        ("https://gw.corp.example", GATEWAY),
        ("192.0.2.8", "192.0.2.9"),
        ("2.9", "192.0.2.9"),
        ("192.0.2", "192.0.2.9"),
        ("192.0.2.9:8443", "192.0.2.9"),
        ("192.0.2.0/32", "192.0.2.9"),
        ("192.0.2.0/33", "192.0.2.9"),
        ("192.0.2.0/x", "192.0.2.9"),
        ("::/0", "192.0.2.9"),
        ("0.0.0.0/0", "https://[2001:db8::9]"),
        ("2001:db8::/129", "https://[2001:db8::9]"),
        ("2001:db9::/32", "https://[2001:db8::9]"),
        ("[2001:db8::9]:443", "https://[2001:db8::9]:8443"),
    ] {
        assert!(!is_excepted(endpoint, list), "{list:?} for {endpoint}");
    }
}

#[test]
fn no_text_shows_the_login() {
    let proxy = proxy("http://NAME:WORD@p.example:1").unwrap();
    let mut texts = format!("{proxy} {proxy:?}");
    for error in [
        TunnelError::refused(&proxy, StatusCode::PROXY_AUTHENTICATION_REQUIRED),
        TunnelError::failed(&proxy, "why"),
    ] {
        texts += &format!("{error} {error:?}");
        let error = TransportError::of_chain(error, TransportErrorKind::Connection);
        texts += &format!("{error} {error:?}");
    }
    let variables = |_: &str| Some("http://NAME:WORD@p.example:1".into());
    texts += &format!("{:?}", Proxies::from_variables(variables));
    assert!(texts.contains("p.example:1"), "{texts}");
    assert!(!texts.contains("NAME") && !texts.contains("WORD"), "{texts}");
}

#[test]
fn errors_name_the_proxy() {
    let proxy = proxy("http://p.example:1").unwrap();
    let refused = TunnelError::refused(&proxy, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    let text = "the proxy at p.example:1 refused to connect with status \
        407 Proxy Authentication Required";
    assert_eq!(refused.to_string(), text);
    let failed = TunnelError::failed(&proxy, "why");
    assert_eq!(failed.to_string(), "the connection through the proxy at p.example:1 failed");
    assert_eq!(failed.source().map(ToString::to_string).as_deref(), Some("why"));
}

#[test]
fn a_refusal_is_permanent_unless_its_status_is_temporary() {
    let proxy = proxy("http://p.example:1").unwrap();
    for (status, fault) in [
        (407, TransportErrorKind::Permanent),
        (403, TransportErrorKind::Permanent),
        (302, TransportErrorKind::Permanent),
        (408, TransportErrorKind::Connection),
        (429, TransportErrorKind::Connection),
        (502, TransportErrorKind::Connection),
        (504, TransportErrorKind::Connection),
    ] {
        let refused = TunnelError::refused(&proxy, StatusCode::from_u16(status).unwrap());
        // As an HTTP client wraps it.
        let error = TransportError::from(io::Error::other(refused));
        assert_eq!(error.kind(), fault, "{status}");
    }
}

#[test]
fn a_failure_through_a_proxy_keeps_its_kind() {
    let proxy = proxy("http://p.example:1").unwrap();
    for (kind, fault) in [
        (io::ErrorKind::ConnectionRefused, TransportErrorKind::Connection),
        (io::ErrorKind::TimedOut, TransportErrorKind::Timeout),
        (io::ErrorKind::InvalidData, TransportErrorKind::Connection),
    ] {
        let failed = TunnelError::failed(&proxy, io::Error::from(kind));
        assert_eq!(TransportError::of_chain(failed, TransportErrorKind::Connection).kind(), fault);
    }
    let error = TransportError::from(ProxyError::Url { variable: "https_proxy" });
    assert_eq!(error.kind(), TransportErrorKind::Permanent);
}

#[test]
fn an_exception_with_a_port_applies_to_the_port_of_the_url() {
    for (list, url) in [
        ("h.example:80", "http://h.example/a"),
        ("h.example:443", "https://h.example/a?b"),
        ("h.example:8443", "https://h.example:8443/a"),
        ("example", "http://h.example/a"),
        ("[2001:db8::9]:80", "http://[2001:db8::9]/a"),
        ("2001:db8::/32", "https://[2001:db8::9]:8443/a"),
    ] {
        assert!(is_url_excepted(url, list), "{list} for {url}");
    }
    for (list, url) in [
        ("h.example:443", "http://h.example/a"),
        ("h.example:80", "https://h.example/a"),
        ("h.example:443", "https://h.example:8443/a"),
        ("[2001:db8::9]:443", "http://[2001:db8::9]/a"),
    ] {
        assert!(!is_url_excepted(url, list), "{list} for {url}");
    }
}

#[test]
fn a_loopback_url_has_no_proxy() {
    for url in ["http://127.0.0.1:1/a", "https://localhost/a", "http://[::1]/a"] {
        assert!(is_url_excepted(url, "other.example"), "{url}");
    }
}

fn filter(address_policy: AddressPolicy, addresses: &[&str]) -> Result<Vec<String>, AddressError> {
    let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().expect("an address"));
    let addresses = addresses.map(|address| (address, 443).into());
    let left = AddressError::filter("h.example", &address_policy, addresses)?;
    Ok(left.iter().map(|address| address.ip().to_string()).collect())
}

#[test]
fn the_filter_keeps_permitted_addresses_in_order() {
    let found = ["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"];
    assert_eq!(filter(AddressPolicy::Public, &found).unwrap(), ["8.8.8.8", "2606:4700::1111"]);
    assert_eq!(filter(AddressPolicy::Loopback, &found).unwrap(), ["::1"]);
    assert_eq!(filter(AddressPolicy::Any, &found).unwrap(), found);
}

#[test]
fn the_error_names_the_host_and_its_address() {
    let error = filter(AddressPolicy::Public, &["10.0.0.1", "169.254.0.23"]).unwrap_err();
    let text = "h.example resolves to the private address 10.0.0.1, which must be allowed";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.addresses().len(), 2);
    let text = "h.example resolves to 10.0.0.1 instead of loopback";
    assert_eq!(filter(AddressPolicy::Loopback, &["10.0.0.1"]).unwrap_err().to_string(), text);
    let text = "h.example resolves to no address";
    assert_eq!(filter(AddressPolicy::Public, &[]).unwrap_err().to_string(), text);
}

#[test]
fn a_forbidden_address_is_permanent_however_it_is_wrapped() {
    let error = || filter(AddressPolicy::Public, &["10.0.0.1"]).unwrap_err();
    for source in [io::Error::other(error()), io::Error::other(io::Error::other(error()))] {
        let error = TransportError::of_chain(source, TransportErrorKind::Connection);
        assert_eq!(error.kind(), TransportErrorKind::Permanent);
    }
    let refused = io::Error::new(io::ErrorKind::PermissionDenied, error());
    assert_eq!(TransportError::from(refused).kind(), TransportErrorKind::Permanent);
}

#[test]
fn errors_are_send_sync_and_small() {
    fn check<T: Error + Send + Sync + 'static>() {
        assert!(size_of::<T>() <= 48, "{}", size_of::<T>());
    }
    check::<ProxyError>();
    check::<TunnelError>();
}
