//! Which proxy stands before a URL, and what a forbidden address means.

use std::{io, net::IpAddr};

use http::Uri;
use tcss_export_core::{AddressPolicy, TransportErrorKind};
use tcss_export_driver::{AddressError, Proxies, TransportError};

fn is_excepted(url: &'static str, list: &str) -> bool {
    let proxies = Proxies::from_variables(|name| match name {
        "https_proxy" => Some("http://proxy.example:3128".into()),
        "no_proxy" => Some(list.into()),
        _ => None,
    });
    proxies.proxy_for_url(&Uri::from_static(url)).expect("a usable proxy").is_none()
}

#[test]
fn exceptions_by_port_go_by_the_port_of_the_url() {
    for (list, url) in [
        ("h.example:80", "http://h.example/a"),
        ("h.example:443", "https://h.example/a?b"),
        ("h.example:8443", "https://h.example:8443/a"),
        ("example", "http://h.example/a"),
        ("[2001:db8::9]:80", "http://[2001:db8::9]/a"),
        ("2001:db8::/32", "https://[2001:db8::9]:8443/a"),
    ] {
        assert!(is_excepted(url, list), "{list} for {url}");
    }
    for (list, url) in [
        ("h.example:443", "http://h.example/a"),
        ("h.example:80", "https://h.example/a"),
        ("h.example:443", "https://h.example:8443/a"),
        ("[2001:db8::9]:443", "http://[2001:db8::9]/a"),
    ] {
        assert!(!is_excepted(url, list), "{list} for {url}");
    }
}

#[test]
fn before_a_loopback_url_there_is_no_proxy() {
    for url in ["http://127.0.0.1:1/a", "https://localhost/a", "http://[::1]/a"] {
        assert!(is_excepted(url, "other.example"), "{url}");
    }
}

fn filter(address_policy: AddressPolicy, addresses: &[&str]) -> Result<Vec<String>, AddressError> {
    let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().expect("an address"));
    let addresses = addresses.map(|address| (address, 443).into());
    let left = AddressError::filter("h.example", address_policy, addresses)?;
    Ok(left.iter().map(|address| address.ip().to_string()).collect())
}

#[test]
fn only_permitted_addresses_are_left_in_their_order() {
    let found = ["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"];
    assert_eq!(filter(AddressPolicy::Public, &found).unwrap(), ["8.8.8.8", "2606:4700::1111"]);
    assert_eq!(filter(AddressPolicy::Loopback, &found).unwrap(), ["::1"]);
    assert_eq!(filter(AddressPolicy::Any, &found).unwrap(), found);
}

#[test]
fn a_host_with_none_left_is_told_by_name() {
    let error = filter(AddressPolicy::Public, &["10.0.0.1", "169.254.0.23"]).unwrap_err();
    let text = "h.example leads to a private address, which must be allowed";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_forbidden_address_will_not_pass_however_it_is_wrapped() {
    let error = || filter(AddressPolicy::Public, &["10.0.0.1"]).unwrap_err();
    for source in [io::Error::other(error()), io::Error::other(io::Error::other(error()))] {
        let error = TransportError::of_chain(source, TransportErrorKind::Connection);
        assert_eq!(error.kind(), TransportErrorKind::Permanent);
    }
    let refused = io::Error::new(io::ErrorKind::PermissionDenied, error());
    assert_eq!(TransportError::from(refused).kind(), TransportErrorKind::Permanent);
}
