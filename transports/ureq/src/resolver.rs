use std::{error::Error, fmt, io, net::SocketAddr};

use http::Uri;
use tcss_export_core::download::{Policy, Reach};
use tcss_export_driver::AddressError;
use ureq::{
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// Looks names up as ureq does and leaves out the addresses that a download must not connect to;
/// without a policy, none.
#[derive(Debug)]
pub(crate) struct CheckedResolver {
    pub(crate) policy: Option<Policy>,
}

impl Resolver for CheckedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout);
        let found = found.map_err(|error| match error {
            ureq::Error::Io(error) => ureq::Error::Other(Box::new(LookupError(error))),
            error => error,
        })?;
        let host = uri.host().unwrap_or_default();
        let reach = self.policy.as_ref().map(|policy| Reach::of_host(host, policy));
        let (reach, found) = (reach.unwrap_or(Reach::Any), found.iter().copied());
        let permitted = AddressError::filter(host, reach, found, SocketAddr::ip)
            .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))?;
        let mut addresses = self.empty();
        permitted.into_iter().for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}

/// A name could not be looked up.
#[derive(Debug)]
pub(crate) struct LookupError(io::Error);

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for LookupError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(url: &'static str, policy: Policy) -> Result<usize, ureq::Error> {
        let resolver = CheckedResolver { policy: Some(policy) };
        let config = ureq::Agent::config_builder().build();
        let found = resolver.resolve(&Uri::from_static(url), &config, NextTimeout::default());
        found.map(|addresses| addresses.len())
    }

    #[test]
    fn private_addresses_are_left_out_unless_they_are_allowed() {
        for url in ["https://10.0.0.1/", "https://169.254.0.23/", "https://0.0.0.0/"] {
            let error = resolved(url, Policy::default()).unwrap_err();
            assert!(error.to_string().contains("private address"), "{error}");
            assert_eq!(resolved(url, Policy::default().allowing_private()).unwrap(), 1, "{url}");
        }
        assert_eq!(resolved("https://198.41.0.4/", Policy::default()).unwrap(), 1);
        assert_eq!(resolved("https://127.0.0.1/", Policy::default()).unwrap(), 1);
    }
}
