//! The variable `no_proxy`.

use std::net::IpAddr;

use tcss_export_core::Endpoint;

/// The hosts that need no proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct Exceptions(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Hosts {
    All,
    /// A host and its subdomains.
    Name(String),
    /// The addresses that share this many leading bits with this one.
    Network(IpAddr, u32),
}

const DEFAULT_PORT: u16 = 443;

impl Exceptions {
    pub(super) fn new(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter_map(|entry| Entry::parse(&entry.to_ascii_lowercase())).collect())
    }

    pub(super) fn match_endpoint(&self, endpoint: &Endpoint) -> bool {
        let host = endpoint.uri().host().unwrap_or_default();
        let port = endpoint.uri().port_u16().unwrap_or(DEFAULT_PORT);
        let port_matches = |entry: &Entry| entry.port.is_none_or(|excepted| excepted == port);
        self.0.iter().any(|entry| port_matches(entry) && entry.hosts.matches(host))
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        // The colons of an IPv6 address do not start a port.
        if let Some(hosts) = network(entry) {
            return Some(Self { hosts, port: None });
        }
        let (hosts, port) = match entry.rsplit_once(':') {
            Some((hosts, port)) => (hosts, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let hosts = network(hosts).or_else(|| name(hosts))?;
        Some(Self { hosts, port })
    }
}

impl Hosts {
    fn matches(&self, host: &str) -> bool {
        match (self, address(host)) {
            (Self::All, _) => true,
            (Self::Name(name), None) => {
                let subdomain = host.strip_suffix(&**name);
                subdomain.is_some_and(|subdomain| subdomain.is_empty() || subdomain.ends_with('.'))
            }
            (Self::Network(network, bits), Some(ip)) => share_prefix(*network, ip, *bits),
            _ => false,
        }
    }
}

fn name(text: &str) -> Option<Hosts> {
    if text == "*" {
        return Some(Hosts::All);
    }
    let text = text.strip_prefix('*').unwrap_or(text);
    let name = text.strip_prefix('.').unwrap_or(text);
    (!name.is_empty()).then(|| Hosts::Name(name.to_owned()))
}

fn network(text: &str) -> Option<Hosts> {
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip, Some(bits.parse().ok()?)),
        None => (text, None),
    };
    let ip = address(ip)?;
    let all = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(all);
    (bits <= all).then_some(Hosts::Network(ip, bits))
}

/// Reads an address, an IPv6 one with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

fn share_prefix(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let equal_bits = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => return false,
    };
    equal_bits >= bits
}
