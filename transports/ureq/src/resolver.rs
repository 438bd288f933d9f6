use std::{io, net::SocketAddr};

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

/// Looks names up as ureq does and leaves out the addresses that a download must not connect to.
#[derive(Debug)]
pub(crate) struct CheckedResolver {
    pub(crate) policy: Policy,
}

impl Resolver for CheckedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        let reach = Reach::of_host(host, &self.policy);
        let found = found.iter().copied();
        let permitted = AddressError::filter(host, reach, found, SocketAddr::ip)
            .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))?;
        let mut addresses = self.empty();
        permitted.into_iter().for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}
