//! Resolves names and enforces the address policy.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use tcss_export_core::AddressPolicy;
use tcss_export_driver::{AddressError, Worker};
use tower_service::Service;

/// Resolves names, by default as the system does, and drops the addresses that the policy forbids.
#[derive(Clone, Debug)]
pub(crate) struct Resolver<L = SystemLookup> {
    lookup: L,
    address_policy: AddressPolicy,
}

impl Resolver {
    pub(crate) fn new(address_policy: AddressPolicy) -> Self {
        Self { lookup: SystemLookup, address_policy }
    }
}

impl<L> Service<Name> for Resolver<L>
where
    L: Service<Name, Response: Iterator<Item = SocketAddr>, Error = io::Error>,
    L::Future: Send + 'static,
{
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lookup.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (host, address_policy) = (name.as_str().to_owned(), self.address_policy.clone());
        let found = self.lookup.call(name);
        Box::pin(async move {
            AddressError::filter(&host, &address_policy, found.await?)
                .map(Vec::into_iter)
                .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))
        })
    }
}

/// Asks the system, on one thread per name. hyper-util's own lookup panics if no thread can start.
#[derive(Clone, Debug)]
pub(crate) struct SystemLookup;

impl Service<Name> for SystemLookup {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { Worker::start()?.look_up(name.as_str().to_owned()).await })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::future::{Ready, ready};

    use super::*;

    impl<L> Resolver<L> {
        pub(crate) fn with_lookup(lookup: L, address_policy: AddressPolicy) -> Self {
            Self { lookup, address_policy }
        }
    }

    async fn resolved(host: &str, address_policy: AddressPolicy) -> io::Result<usize> {
        Resolver::new(address_policy).call(host.parse().unwrap()).await.map(Iterator::count)
    }

    #[tokio::test]
    async fn private_addresses_are_left_out_unless_they_are_allowed() {
        for host in ["10.0.0.1", "169.254.0.23", "0.0.0.0"] {
            let error = resolved(host, AddressPolicy::Public).await.unwrap_err();
            assert!(error.to_string().contains("private address"), "{error}");
            assert_eq!(resolved(host, AddressPolicy::Any).await.unwrap(), 1, "{host}");
        }
        assert_eq!(resolved("198.41.0.4", AddressPolicy::Public).await.unwrap(), 1);
        assert_eq!(resolved("127.0.0.1", AddressPolicy::Loopback).await.unwrap(), 1);
    }

    /// Resolves every name to the same addresses.
    #[derive(Clone, Debug)]
    pub(crate) struct FixedLookup(pub(crate) Vec<SocketAddr>);

    impl Service<Name> for FixedLookup {
        type Response = vec::IntoIter<SocketAddr>;
        type Error = io::Error;
        type Future = Ready<io::Result<Self::Response>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Name) -> Self::Future {
            ready(Ok(self.0.clone().into_iter()))
        }
    }

    /// Returns the permitted addresses of a name.
    async fn left_of(
        addresses: &'static [&'static str],
        address_policy: AddressPolicy,
    ) -> io::Result<Vec<String>> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let mut resolver = Resolver::with_lookup(FixedLookup(addresses), address_policy);
        let found = resolver.call("files.example".parse().unwrap()).await?;
        Ok(found.map(|address| address.to_string()).collect())
    }

    #[tokio::test]
    async fn of_a_name_with_public_and_private_addresses_the_public_ones_are_left() {
        let mixed = &["10.0.0.1:443", "198.41.0.4:443", "[fd00::1]:443"];
        assert_eq!(left_of(mixed, AddressPolicy::Public).await.unwrap(), ["198.41.0.4:443"]);
        assert_eq!(left_of(mixed, AddressPolicy::Any).await.unwrap(), *mixed);
    }

    #[tokio::test]
    async fn a_name_with_private_addresses_only_is_refused_by_its_name() {
        let inside: [&[_]; 3] =
            [&["10.0.0.1:443", "192.168.0.1:443"], &["127.0.0.1:443"], &["[::1]:443"]];
        for addresses in inside {
            let error = left_of(addresses, AddressPolicy::Public).await.unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with("files.example resolves to the private address"), "{text}");
            assert_eq!(left_of(addresses, AddressPolicy::Any).await.unwrap(), addresses);
        }
    }

    #[tokio::test]
    async fn a_loopback_name_must_resolve_to_loopback() {
        let hijacked = left_of(&["10.0.0.1:443"], AddressPolicy::Loopback).await.unwrap_err();
        let text = "files.example resolves to 10.0.0.1 instead of loopback";
        assert_eq!(hijacked.to_string(), text);
        let mixed = &["10.0.0.1:443", "127.0.0.1:443"];
        assert_eq!(left_of(mixed, AddressPolicy::Loopback).await.unwrap(), ["127.0.0.1:443"]);
    }

    #[tokio::test]
    async fn addresses_of_a_named_network_are_left() {
        let policy = AddressPolicy::PublicAnd(AddressPolicy::TENCENT_NETWORKS.into());
        let addresses = &["169.254.0.23:443", "10.0.0.1:443", "192.168.0.1:443"];
        assert_eq!(left_of(addresses, policy).await.unwrap(), ["10.0.0.1:443"]);
    }
}
