//! A text parses as an endpoint exactly if a second implementation of the rules accepts it, and the
//! endpoint is displayed as a text that parses back to it.
#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use tcss_export_core::Endpoint;

fuzz_target!(|text: &str| {
    let expected = second_reading(text);
    let Ok(endpoint) = text.parse::<Endpoint>() else {
        assert_eq!(expected, None, "{text:?} was refused");
        return;
    };
    let (scheme, host) = expected.expect("accepted by both or by neither");
    assert_eq!(endpoint.to_string(), format!("{scheme}://{host}"));
    assert_eq!(endpoint.host(), host);
    assert_eq!(endpoint.uri().to_string(), format!("{scheme}://{host}/"));
    assert_eq!(endpoint.to_string().parse(), Ok(endpoint.clone()));
    assert!(!host.contains(|c: char| c.is_ascii_uppercase() || c.is_control() || c == ' '));
    assert!(scheme == "https" || endpoint.is_loopback());
});

/// Returns the scheme and the value of the `Host` header.
fn second_reading(text: &str) -> Option<(&'static str, String)> {
    let text = text.to_ascii_lowercase();
    let (scheme, default_port, rest) = if let Some(rest) = text.strip_prefix("http://") {
        ("http", 80, rest)
    } else {
        ("https", 443, text.strip_prefix("https://").unwrap_or(&text))
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.strip_prefix('[') {
        Some(v6) => {
            let (address, port) = v6.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (&rest[..address.len() + 2], port)
        }
        None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
    };
    if !host.starts_with('[') && !is_name_or_ipv4(host) {
        return None;
    }
    if scheme == "http" && !is_loopback_host(host) {
        return None;
    }
    match port_number(port)? {
        Some(port) if port != default_port => Some((scheme, format!("{host}:{port}"))),
        _ => Some((scheme, host.to_owned())),
    }
}

/// Parses an empty text, or a colon and a number between 1 and 65535.
fn port_number(text: &str) -> Option<Option<u32>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.strip_prefix(':')?;
    let mut number = 0_u32;
    for digit in digits.chars() {
        number = number.saturating_mul(10).saturating_add(digit.to_digit(10)?);
    }
    (1..=65_535).contains(&number).then_some(Some(number))
}

fn is_name_or_ipv4(host: &str) -> bool {
    let labels: Vec<_> = host.split('.').collect();
    let is_label = |label: &&str| {
        let mut characters = label.chars();
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && characters.all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
    };
    if !labels.iter().all(is_label) || host.len() > 253 {
        return false;
    }
    let last = labels[labels.len() - 1];
    let hexadecimal = last.strip_prefix("0x").map(|d| d.chars().all(|c| c.is_ascii_hexdigit()));
    let ends_in_a_number = hexadecimal.unwrap_or(last.chars().all(|c| c.is_ascii_digit()));
    !ends_in_a_number || host.parse::<Ipv4Addr>().is_ok()
}

fn is_loopback_host(host: &str) -> bool {
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.octets()[0] == 127)
        || host.trim_matches(['[', ']']).parse() == Ok(Ipv6Addr::LOCALHOST)
}
