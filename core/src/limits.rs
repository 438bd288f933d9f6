use alloc::boxed::Box;
use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
    time::Duration,
};

use http::Request;

/// The limits of one request, which a transport finds among its extensions.
///
/// ```
/// use tcss_export_core::{Limits, AddressPolicy};
///
/// let limits = Limits::of(&http::Request::new(()));
/// assert_eq!(limits.read_limit(), Limits::STALL);
/// assert_eq!(limits.address_policy, AddressPolicy::Public);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The default time until the next byte of a download: 60 s.
    pub const STALL: Duration = Duration::from_secs(60);

    /// Creates limits without limits of time.
    pub const fn new(address_policy: AddressPolicy) -> Self {
        Self { address_policy, total: None, stall: None }
    }

    /// Returns the limits of a request; without any, those of a download with the default policy.
    pub fn of<B>(request: &Request<B>) -> Self {
        let default = Self { stall: Some(Self::STALL), ..Self::new(AddressPolicy::Public) };
        request.extensions().get().cloned().unwrap_or(default)
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a transport must enforce every rule")]
pub enum AddressPolicy {
    /// Loopback addresses only.
    Loopback,
    /// Public addresses only: no private, link-local, loopback or otherwise reserved ones.
    Public,
    /// Public addresses and these networks, except the metadata services of clouds.
    PublicAnd(Box<[Network]>),
    /// Any address.
    Any,
}

/// A network, from its first to its last address.
pub type Network = RangeInclusive<IpAddr>;

impl AddressPolicy {
    /// The private networks of Tencent Cloud: 10.0.0.0/8, 100.64.0.0/10 and 169.254.0.0/16. On a
    /// virtual machine in the region of a bucket, the name of the bucket resolves to one of these.
    ///
    /// Source: [Regions and access
    /// endpoints](https://www.tencentcloud.com/document/product/436/6224).
    pub const TENCENT_NETWORKS: [Network; 3] = [
        v4([10, 0, 0, 0])..=v4([10, 255, 255, 255]),
        v4([100, 64, 0, 0])..=v4([100, 127, 255, 255]),
        v4([169, 254, 0, 0])..=v4([169, 254, 255, 255]),
    ];

    /// Returns whether the transport may connect to an address.
    pub fn permits(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => address.to_canonical().is_loopback(),
            Self::Public => is_public(address),
            Self::PublicAnd(networks) => {
                let reached = with_embedded(address);
                let is_named = networks.iter().any(|network| network.contains(&reached));
                is_public(address) || is_named && !is_metadata(address)
            }
        }
    }
}

/// The metadata services of virtual machines and containers, which return the keys of their role:
/// those of Tencent Cloud, most other clouds, AWS containers and Alibaba Cloud, and those over
/// IPv6.
const METADATA: [IpAddr; 8] = [
    v4([169, 254, 0, 23]),
    v4([169, 254, 169, 254]),
    v4([169, 254, 170, 2]),
    v4([169, 254, 170, 23]),
    v4([100, 100, 100, 200]),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Returns whether an address leads to a metadata service, also by its last four bytes, as in the
/// networks of translators.
fn is_metadata(address: IpAddr) -> bool {
    let last = match address {
        IpAddr::V6(v6) => v6.octets().last_chunk().map(|bytes| v4(*bytes)),
        IpAddr::V4(_) => None,
    };
    [Some(address), Some(with_embedded(address)), last]
        .into_iter()
        .flatten()
        .any(|a| METADATA.contains(&a))
}

const fn v4([a, b, c, d]: [u8; 4]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

fn is_public(address: IpAddr) -> bool {
    match with_embedded(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_global_unicast(v6),
    }
}

/// Returns the IPv4 address that an IPv6 address embeds, or the address itself.
fn with_embedded(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Returns whether an address is outside the [IPv4 special-purpose registry].
///
/// [IPv4 special-purpose registry]: https://www.iana.org/assignments/iana-ipv4-special-registry
fn is_public_v4(v4: Ipv4Addr) -> bool {
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
    fn a_network_permits_its_addresses_except_metadata_services() {
        let policy = AddressPolicy::PublicAnd(AddressPolicy::TENCENT_NETWORKS.into());
        for (addresses, is_permitted) in [
            // On a virtual machine, names of buckets resolve to such addresses.
            (["10.1.2.3", "100.64.0.1", "169.254.0.47", "::ffff:10.1.2.3", "8.8.8.8"], true),
            (["11.0.0.1", "100.128.0.1", "169.255.0.1", "2606:4700::1", "64:ff9b::a00:1"], true),
            (["192.168.0.1", "127.0.0.1", "198.18.0.1", "::1", "fd00::1"], false),
            (
                ["169.254.0.23", "169.254.169.254", "100.100.100.200", "169.254.170.2", "::a00:1"],
                false,
            ),
        ] {
            assert_eq!(permitted(policy.clone(), &addresses), [is_permitted; 5], "{addresses:?}");
        }
        let all =
            "::".parse().unwrap()..="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        let policy = AddressPolicy::PublicAnd([all].into());
        let addresses = ["fd00::1", "::1", "fd00:ec2::254", "::ffff:169.254.0.23"];
        assert_eq!(permitted(policy.clone(), &addresses), [true, true, false, false]);
        let embedded =
            ["64:ff9b:1::a9fe:a9fe", "::a9fe:17", "2002:a9fe:a9fe::1", "64:ff9b:1::a00:1"];
        assert_eq!(permitted(policy, &embedded), [false, false, false, true]);
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
