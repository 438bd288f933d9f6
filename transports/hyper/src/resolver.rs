use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tcss_export_core::download::{Policy, Reach};
use tcss_export_driver::AddressError;
use tower_service::Service;

/// Looks names up as the system does and leaves out the addresses that a download must not connect
/// to; without a policy, none.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    system: GaiResolver,
    policy: Option<Policy>,
}

impl Resolver {
    pub(crate) fn new(policy: Option<Policy>) -> Self {
        Self { system: GaiResolver::new(), policy }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.policy.as_ref().map(|policy| Reach::of_host(name.as_str(), policy));
        let host = name.as_str().to_owned();
        let found = self.system.call(name);
        Box::pin(async move {
            let reach = reach.unwrap_or(Reach::Any);
            AddressError::filter(&host, reach, found.await?, SocketAddr::ip)
                .map(Vec::into_iter)
                .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(host: &str, policy: Option<Policy>) -> io::Result<usize> {
        Resolver::new(policy).call(host.parse().unwrap()).await.map(Iterator::count)
    }

    #[tokio::test]
    async fn private_addresses_are_left_out_unless_they_are_allowed() {
        for host in ["10.0.0.1", "169.254.0.23", "0.0.0.0"] {
            let error = resolved(host, Some(Policy::default())).await.unwrap_err();
            assert!(error.to_string().contains("private address"), "{error}");
            let private = Policy::default().allowing_private();
            assert_eq!(resolved(host, Some(private)).await.unwrap(), 1, "{host}");
            assert_eq!(resolved(host, None).await.unwrap(), 1, "{host}");
        }
        assert_eq!(resolved("198.41.0.4", Some(Policy::default())).await.unwrap(), 1);
        assert_eq!(resolved("127.0.0.1", Some(Policy::default())).await.unwrap(), 1);
    }
}
