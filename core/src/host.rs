//! The hosts of endpoints and of download URLs.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::Reason;

/// Takes the host, an IPv6 address in its brackets, and the port from what stands between the
/// scheme and the path, in lower case.
pub(crate) fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), Reason> {
    // The colons of an IPv6 address are inside its brackets.
    let end_of_host = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None if authority.starts_with('[') => return Err(Reason::Host),
        None => 0,
    };
    let (host, port) = match authority[end_of_host..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(end_of_host + colon);
            (host, Some(parse_port(&port[1..])?))
        }
        None => (authority, None),
    };
    if is_host(host) { Ok((host, port)) } else { Err(Reason::Host) }
}

fn parse_port(text: &str) -> Result<u16, Reason> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(Reason::Port),
    }
}

fn is_host(host: &str) -> bool {
    if host.starts_with('[') {
        return ip_address(host).is_some();
    }
    // A name whose last label is a number would be read as an IPv4 address somewhere.
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

/// Returns the address that a host is, if it is none to be looked up.
pub(crate) fn ip_address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || ip_address(host).is_some_and(|ip| ip.is_loopback())
}
