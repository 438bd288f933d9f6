//! Resolves names and enforces the address policy.

use std::{error::Error, fmt, io, net::IpAddr, sync::mpsc};

use http::Uri;
use tcss_export_core::AddressPolicy;
use tcss_export_driver::{AddressError, Proxy, Worker};
use ureq::{
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{NextTimeout, time::Duration},
    },
};

/// Resolves names, by default as the system does, and drops the addresses that the policy forbids.
#[derive(Debug)]
pub(crate) struct CheckedResolver<L> {
    lookup: L,
    address_policy: AddressPolicy,
    /// The proxy. Its name is resolved instead of that of the host.
    proxy: Option<Uri>,
}

impl<L> CheckedResolver<L> {
    pub(crate) fn new(lookup: L, address_policy: AddressPolicy, proxy: Option<&Proxy>) -> Self {
        // This URL has no login.
        let url = |proxy: &Proxy| format!("http://{proxy}/").parse();
        // Host and port of a proxy are checked.
        let proxy = proxy.map(|proxy| url(proxy).expect("a valid URL"));
        Self { lookup, address_policy, proxy }
    }
}

impl<L: Resolver> Resolver for CheckedResolver<L> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let uri = self.proxy.as_ref().unwrap_or(uri);
        let found = self.lookup.resolve(uri, config, timeout);
        let found = found.map_err(|error| match error {
            ureq::Error::Io(error) => ureq::Error::Other(Box::new(LookupError(error))),
            error => error,
        })?;
        let host = uri.host().unwrap_or_default();
        let permitted = AddressError::filter(host, &self.address_policy, found.iter().copied())
            .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))?;
        let mut addresses = self.empty();
        permitted.into_iter().for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}

fn is_address(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok()
}

/// Asks the system, on one thread per name. ureq's own lookup with a time limit panics if no thread
/// can start.
#[derive(Debug)]
pub(crate) struct SystemLookup;

impl Resolver for SystemLookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let without_limit = NextTimeout { after: Duration::NotHappening, ..timeout };
        let lookup = move |uri: &Uri, config: &Config| {
            DefaultResolver::default().resolve(uri, config, without_limit)
        };
        if is_address(uri) {
            return lookup(uri, config);
        }
        let (uri, config, limit) = (uri.clone(), config.clone(), *timeout.after);
        let (sender, found) = mpsc::channel();
        drop(Worker::start()?.run(move || sender.send(lookup(&uri, &config)).is_ok()));
        // The thread always sends a result, unless it panicked.
        found.recv_timeout(limit).unwrap_or(Err(ureq::Error::Timeout(timeout.reason)))
    }
}

/// A failed lookup of a name.
#[derive(Debug)]
pub(crate) struct LookupError(pub(crate) io::Error);

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name cannot be resolved")
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn resolve(resolver: &impl Resolver, url: &'static str) -> Result<Vec<String>, ureq::Error> {
        let config = ureq::Agent::config_builder().build();
        let found = resolver.resolve(&Uri::from_static(url), &config, NextTimeout::default())?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    fn resolved(url: &'static str, address_policy: AddressPolicy) -> Result<usize, ureq::Error> {
        let resolver = CheckedResolver::new(DefaultResolver::default(), address_policy, None);
        resolve(&resolver, url).map(|found| found.len())
    }

    #[test]
    fn private_addresses_are_left_out_unless_they_are_allowed() {
        for url in ["https://10.0.0.1/", "https://169.254.0.23/", "https://0.0.0.0/"] {
            let error = resolved(url, AddressPolicy::Public).unwrap_err();
            assert!(error.to_string().contains("private address"), "{error}");
            assert_eq!(resolved(url, AddressPolicy::Any).unwrap(), 1, "{url}");
        }
        assert_eq!(resolved("https://198.41.0.4/", AddressPolicy::Public).unwrap(), 1);
        assert_eq!(resolved("https://127.0.0.1/", AddressPolicy::Loopback).unwrap(), 1);
    }

    /// Returns the same addresses for every name.
    #[derive(Debug)]
    pub(crate) struct FixedLookup(pub(crate) Vec<SocketAddr>);

    impl Resolver for FixedLookup {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let mut addresses = self.empty();
            self.0.iter().for_each(|address| addresses.push(*address));
            Ok(addresses)
        }
    }

    /// Returns the permitted addresses of a name.
    fn left_of(
        addresses: &'static [&'static str],
        address_policy: AddressPolicy,
    ) -> Result<Vec<String>, ureq::Error> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let resolver = CheckedResolver::new(FixedLookup(addresses), address_policy, None);
        resolve(&resolver, "https://files.example/")
    }

    #[test]
    fn of_a_name_with_public_and_private_addresses_the_public_ones_are_left() {
        let mixed = &["10.0.0.1:443", "198.41.0.4:443", "[fd00::1]:443"];
        assert_eq!(left_of(mixed, AddressPolicy::Public).unwrap(), ["198.41.0.4:443"]);
        assert_eq!(left_of(mixed, AddressPolicy::Any).unwrap(), *mixed);
    }

    #[test]
    fn a_name_with_private_addresses_only_is_refused_by_its_name() {
        let inside: [&[_]; 3] =
            [&["10.0.0.1:443", "192.168.0.1:443"], &["127.0.0.1:443"], &["[::1]:443"]];
        for addresses in inside {
            let text = left_of(addresses, AddressPolicy::Public).unwrap_err().to_string();
            assert!(text.contains("files.example resolves to the private address"), "{text}");
            assert_eq!(left_of(addresses, AddressPolicy::Any).unwrap(), addresses);
        }
    }

    #[test]
    fn a_loopback_name_must_resolve_to_loopback() {
        let hijacked = left_of(&["10.0.0.1:443"], AddressPolicy::Loopback).unwrap_err();
        let text = "files.example resolves to 10.0.0.1 instead of loopback";
        assert!(hijacked.to_string().ends_with(text), "{hijacked}");
        let mixed = &["10.0.0.1:443", "127.0.0.1:443"];
        assert_eq!(left_of(mixed, AddressPolicy::Loopback).unwrap(), ["127.0.0.1:443"]);
    }

    #[test]
    fn addresses_of_a_named_network_are_left() {
        let policy = AddressPolicy::PublicAnd(AddressPolicy::TENCENT_NETWORKS.into());
        let addresses = &["169.254.0.23:443", "10.0.0.1:443", "192.168.0.1:443"];
        assert_eq!(left_of(addresses, policy).unwrap(), ["10.0.0.1:443"]);
    }
}
