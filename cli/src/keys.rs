//! The key in use: where it is looked for, and what no output may show.

use std::{
    env,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tcss_export::{
    CredentialSource, Endpoint, Session,
    credentials::{Chain, ChainError, Found, Source},
    hyper::{Client, Hyper},
};

use crate::{
    args::Common,
    client::repeating,
    error::{Error, ErrorKind, Result},
};

/// Asked in place of the metadata service and STS, for tests.
const SERVICE: &str = "TCSS_EXPORT_KEY_SERVICE";

/// All keys of this run, the last one in use.
static FOUND: Mutex<Vec<Found>> = Mutex::new(Vec::new());

fn found() -> MutexGuard<'static, Vec<Found>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the key in use, if one was found.
pub(crate) fn in_use() -> Option<Found> {
    found().last().cloned()
}

/// Returns the secret parts of all keys of this run.
pub(crate) fn secrets() -> Vec<String> {
    let found = found();
    let secrets = found.iter().flat_map(|found| {
        let credentials = &found.credentials;
        [Some(credentials.secret_key()), credentials.token()]
    });
    secrets.flatten().map(str::to_owned).collect()
}

/// The sources of the options, and what they need.
#[derive(Clone)]
pub(crate) struct Keys {
    chain: Arc<Chain>,
    pub(crate) transport: Hyper,
}

impl Keys {
    pub(crate) fn new(common: &Common) -> Result<Self> {
        // An instance role needs a request, so it is used only if somebody asks for it.
        let sources = match (common.profile.clone(), common) {
            (Some(name), _) => vec![Source::TccliProfile(Some(name))],
            (None, Common { instance_role: true, .. }) => vec![Source::InstanceRole],
            _ => {
                Source::DEFAULT.into_iter().filter(|s| !matches!(s, Source::InstanceRole)).collect()
            }
        };
        let mut chain = Chain::default().with_sources(sources);
        if let Some(service) = service()? {
            chain = chain.with_metadata(service.clone()).with_sts(service);
        }
        Ok(Self { chain: Arc::new(chain), transport: Hyper::default() })
    }

    /// Looks for a key pair in its two variables only.
    pub(crate) fn of_pair() -> Self {
        let pair = ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"];
        let chain = Chain::default().with_sources([Source::Environment]);
        let chain =
            chain.with_variables(move |name| env::var_os(name).filter(|_| pair.contains(&name)));
        Self { chain: Arc::new(chain), transport: Hyper::default() }
    }

    /// Finds the key to use now. With `fresh`, the service has refused the last one.
    pub(crate) async fn find(&self, fresh: bool) -> Result<Found, ChainError> {
        let new = self.chain.find(&self.transport, fresh).await?;
        let mut found = found();
        if found.last().is_none_or(|last| last.credentials != new.credentials) {
            found.push(new.clone());
        }
        Ok(new)
    }

    /// Creates a client that uses these keys and makes each request once.
    pub(crate) fn client(&self, session: Session) -> Client {
        let keys = self.clone();
        let source = CredentialSource::from_async_fn(move |fresh| {
            let keys = keys.clone();
            async move { Ok(keys.find(fresh).await?.credentials) }
        });
        Client::with_transport(session, source, self.transport.clone()).with_policy(repeating(None))
    }
}

/// Returns the address of the service for tests, if one is set.
pub(crate) fn service() -> Result<Option<Endpoint>> {
    let Some(url) = env::var_os(SERVICE).filter(|url| !url.is_empty()) else { return Ok(None) };
    let endpoint = url.to_str().and_then(|url| url.parse::<Endpoint>().ok());
    match endpoint.filter(Endpoint::is_loopback) {
        Some(endpoint) => Ok(Some(endpoint)),
        None => Err(Error::new(ErrorKind::Usage, format!("{SERVICE} is not a loopback address"))
            .with_hint("unset it: it is for tests only")),
    }
}
