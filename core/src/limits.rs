use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use http::Request;

/// The limits of one request, which a transport finds among its extensions.
///
/// ```
/// use tcss_export_core::{Limits, AddressPolicy};
///
/// let limits = Limits::of(&http::Request::new(()));
/// assert_eq!((limits.address_policy, limits.read_limit()), (AddressPolicy::Public, Limits::STALL));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The addresses that the transport may connect to.
    pub address_policy: AddressPolicy,
    /// How long the whole exchange may take, if that is limited.
    pub total: Option<Duration>,
    /// How long the next byte may take, if that is limited.
    pub stall: Option<Duration>,
}

impl Limits {
    /// The default time until the next byte of a download.
    pub const STALL: Duration = Duration::from_secs(60);

    /// Creates limits without limits of time.
    pub const fn new(address_policy: AddressPolicy) -> Self {
        Self { address_policy, total: None, stall: None }
    }

    /// Returns the limits of a request; without any, those of a download with the default policy.
    pub fn of<B>(request: &Request<B>) -> Self {
        let default = Self { stall: Some(Self::STALL), ..Self::new(AddressPolicy::Public) };
        request.extensions().get().copied().unwrap_or(default)
    }

    /// Returns how long one read may take: the shorter of both limits.
    pub fn read_limit(&self) -> Duration {
        self.total.into_iter().chain(self.stall).min().unwrap_or(Self::STALL)
    }
}

/// The addresses that a transport may connect to.
///
/// A download URL comes from outside, so by default it must not lead into the caller's network.
///
/// ```
/// use tcss_export_core::AddressPolicy;
///
/// assert!(AddressPolicy::Public.permits("198.41.0.4".parse()?));
/// assert!(!AddressPolicy::Public.permits("169.254.0.23".parse()?)); // metadata of a virtual machine
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a transport must enforce every rule")]
pub enum AddressPolicy {
    /// Loopback addresses only.
    Loopback,
    /// Public addresses only: no private, link-local, loopback or otherwise reserved ones.
    Public,
    /// Any address.
    Any,
}

impl AddressPolicy {
    /// Returns whether the transport may connect to an address.
    pub fn permits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => address.to_canonical().is_loopback(),
            Self::Public => match address {
                IpAddr::V4(v4) => is_public(v4),
                IpAddr::V6(v6) => match embedded(v6) {
                    Some(v4) => is_public(v4),
                    None => is_global_unicast(v6),
                },
            },
        }
    }
}

/// Returns whether an address is outside the [IPv4 special-purpose registry].
///
/// [IPv4 special-purpose registry]: https://www.iana.org/assignments/iana-ipv4-special-registry
fn is_public(v4: Ipv4Addr) -> bool {
    match v4.octets() {
        [0 | 10 | 127, ..] | [169, 254, ..] | [192, 168, ..] => false,
        // Carrier-grade NAT, private use, benchmarks.
        [100, 64..=127, ..] | [172, 16..=31, ..] | [198, 18 | 19, ..] => false,
        // Protocol assignments and documentation.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => false,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => false,
        _ => true,
    }
}

/// Returns the IPv4 address that an IPv6 address embeds.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [high, low] = match v6.segments() {
        // Mapped, translated (NAT64) and 6to4 addresses.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [high, low],
        [0x2002, high, low, ..] => [high, low],
        _ => return None,
    };
    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

/// Returns whether an address is in 2000::/3, except protocol assignments such as Teredo
/// (2001::/23) and documentation (2001:db8::/32, 3fff::/20).
fn is_global_unicast(v6: Ipv6Addr) -> bool {
    match v6.segments() {
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn permitted(address_policy: AddressPolicy, addresses: &[&str]) -> Vec<bool> {
        addresses.iter().map(|text| address_policy.permits(text.parse().unwrap())).collect()
    }

    #[test]
    fn public_addresses_are_permitted() {
        for text in [
            "1.2.3.4",
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "192.169.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2400:3200::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(permitted(AddressPolicy::Public, &[text]), [true], "{text}");
        }
    }

    #[test]
    fn reserved_addresses_are_not_permitted() {
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "169.254.0.23",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "100::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:a00:1::1",
            "::10.0.0.1",
        ] {
            assert_eq!(permitted(AddressPolicy::Public, &[text]), [false], "{text}");
        }
    }

    #[test]
    fn loopback_permits_loopback_addresses_only() {
        let addresses =
            ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "8.8.8.8"];
        assert_eq!(
            permitted(AddressPolicy::Loopback, &addresses),
            [true, true, true, true, false, false]
        );
        assert_eq!(permitted(AddressPolicy::Any, &addresses), [true; 6]);
    }
}
