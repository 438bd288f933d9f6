use std::sync::{Arc, Mutex, PoisonError};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use tcss_export_core::download::Reach;
use tcss_export_driver::ProxyError;

use crate::HttpClient;

/// The connections of downloads: those of the last file server are kept.
#[derive(Clone)]
pub(crate) struct Connections<C> {
    connect: Arc<Connect<C>>,
    last: Arc<Mutex<Option<Last<C>>>>,
}

struct Last<C> {
    way: Way,
    client: HttpClient<C>,
}

type Connect<C> = dyn Fn(&Uri, Reach) -> Result<HttpClient<C>, ProxyError> + Send + Sync;

/// What decides how a server is connected to: without a port in its URL, the scheme stands for one.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    reach: Reach,
}

impl<C: Clone> Connections<C> {
    pub(crate) fn new(
        connect: impl Fn(&Uri, Reach) -> Result<HttpClient<C>, ProxyError> + Send + Sync + 'static,
    ) -> Self {
        Self { connect: Arc::new(connect), last: Arc::default() }
    }

    /// Returns the client for a URL.
    pub(crate) fn client(&self, url: &Uri, reach: Reach) -> Result<HttpClient<C>, ProxyError> {
        let (scheme, authority) = (url.scheme().cloned(), url.authority().cloned());
        let way = Way { scheme, authority, reach };
        // Nothing panics while it holds the lock; were it so, what is kept would still be whole.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(last) if last.way == way => Ok(last.client.clone()),
            _ => {
                let client = (self.connect)(url, reach)?;
                *last = Some(Last { way, client: client.clone() });
                Ok(client)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hyper_util::rt::{TokioExecutor, TokioTimer};

    use super::*;
    use crate::{Connector, pooled};

    /// Returns how often connections are made while these URLs are asked for in turn.
    fn made_for(urls: [(&'static str, Reach); 2]) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let connections = Connections::new(move |_, reach| {
            counter.fetch_add(1, Ordering::Relaxed);
            let connector = Connector::for_download(None, reach);
            Ok(pooled(connector, TokioExecutor::new(), TokioTimer::new()))
        });
        for (url, reach) in urls {
            connections.client(&Uri::from_static(url), reach).unwrap();
        }
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn the_way_is_decided_anew_for_another_scheme_host_port_or_reach() {
        let file = ("https://h.example/a", Reach::Public);
        assert_eq!(made_for([file, ("https://h.example/b", Reach::Public)]), 1);
        assert_eq!(made_for([file, ("http://h.example/a", Reach::Public)]), 2);
        assert_eq!(made_for([file, ("https://g.example/a", Reach::Public)]), 2);
        assert_eq!(made_for([file, ("https://h.example:8443/a", Reach::Public)]), 2);
        assert_eq!(made_for([file, ("https://h.example/a", Reach::Any)]), 2);
    }
}
