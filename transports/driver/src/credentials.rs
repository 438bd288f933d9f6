//! Finds credentials in the usual places: the environment, the files of the SDKs and of tccli,
//! the role of a virtual machine, the identity of a TKE pod, and roles to assume.
//!
//! A [`Chain`] asks its [`Source`]s in order. It keeps what it found, and refreshes it before it
//! expires. It makes its requests over the transport of the client that needs the credentials.
//!
//! Keys and the text of files are wiped after use. The bodies of requests and answers are not, nor
//! is the environment.
//!
//! Local files are small and are read by the calling task. An HTTP client of your own must not use
//! a proxy for `metadata.tencentyun.com`, the metadata service of virtual machines.
//!
//! ```
//! use tcss_export_core::{Endpoint, Session};
//! use tcss_export_driver::{Client, Transport, credentials::Chain};
//!
//! fn client<T: Transport + Default>() -> Client<T> {
//!     Client::new(Session::new(Endpoint::international()), Chain::default())
//! }
//! ```

mod cache;
mod error;
mod files;
mod local;
mod remote;

use std::{env, ffi::OsString, fmt, path::PathBuf, sync::Mutex, time::Duration};

use tcss_export_core::{ClockOffset, Credentials, Endpoint, Wall};

use self::{cache::Cache, remote::Remote};
pub use self::{
    error::{ChainError, SourceError, SourceErrorKind},
    files::{FormatError, TccliFile, TccliKind, parse_ini, parse_tccli},
};
use crate::{lock, transport::Transport};

/// A place where credentials may be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// The variables `TENCENTCLOUD_SECRET_ID` and `TENCENTCLOUD_SECRET_KEY`. An empty variable
    /// counts as unset.
    ///
    /// The token is the first that is set of `TENCENTCLOUD_TOKEN` (tccli),
    /// `TENCENTCLOUD_SESSION_TOKEN` (the Node SDK) and `TENCENTCLOUD_SECURITY_TOKEN` (Terraform).
    /// With `TENCENTCLOUD_ROLE_ARN`, and optionally `TENCENTCLOUD_ROLE_SESSION_NAME`, the keys
    /// assume this role, as in tccli. A role without keys is an error.
    Environment,
    /// The credentials file of the SDKs: see [`parse_ini`].
    ///
    /// Without a path it is the file that `TENCENTCLOUD_CREDENTIALS_FILE` names, as in the Go SDK.
    /// If that is unset, it is the first of `~/.tencentcloud/credentials` and
    /// `/etc/tencentcloud/credentials` that has keys, as in the Python SDK. An empty variable
    /// counts as unset; in the Go SDK it is an error.
    File(Option<PathBuf>),
    /// A profile of tccli, `~/.tccli/<profile>.credential`: see [`parse_tccli`].
    ///
    /// Without a name it is the profile that `TCCLI_PROFILE` or else `TENCENTCLOUD_PROFILE` names,
    /// or `default`. The region is that of `~/.tccli/<profile>.configure`, and a role is assumed at
    /// the `sts.endpoint` there.
    ///
    /// Service page: [tccli credentials](https://cloud.tencent.com/document/product/440/96291).
    TccliProfile(Option<String>),
    /// The role of the virtual machine, from its metadata service.
    InstanceRole,
    /// A role that is assumed with the credentials of another source.
    AssumeRole(AssumeRole),
    /// The identity of a TKE pod: `TKE_REGION`, `TKE_PROVIDER_ID`, `TKE_WEB_IDENTITY_TOKEN_FILE`
    /// and `TKE_ROLE_ARN`. The token file has an absolute path and is read again at each refresh.
    WebIdentity,
}

impl Source {
    /// The sources of a default chain, in order.
    ///
    /// The official SDKs ask for the role of the machine before that of the pod. A pod would then
    /// get the permissions of its node, so here the pod's own identity comes first.
    pub const DEFAULT: [Self; 5] = [
        Self::Environment,
        Self::File(None),
        Self::TccliProfile(None),
        Self::WebIdentity,
        Self::InstanceRole,
    ];
}

/// A role, and the source whose credentials may assume it.
///
/// Service page: [AssumeRole](https://www.tencentcloud.com/document/product/1150/49456).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AssumeRole {
    /// The source of the credentials that assume the role.
    pub base: Box<Source>,
    /// The role, such as `qcs::cam::uin/100000000001:roleName/example`.
    pub role_arn: String,
    /// The name of the session in audit logs: 2 to 128 letters, digits and `=,.@_-`.
    pub role_session_name: String,
    /// How long the keys are valid; the service's default is two hours.
    pub duration_seconds: Option<u32>,
    /// The external id that the role requires, if any.
    pub external_id: Option<String>,
}

impl AssumeRole {
    /// The default name of a session.
    pub const SESSION_NAME: &'static str = "tcss-export";

    /// Creates a role with the default session name and duration.
    ///
    /// ```
    /// use tcss_export_driver::credentials::{AssumeRole, Chain, Source};
    ///
    /// let role = "qcs::cam::uin/100000000001:roleName/example";
    /// let role = AssumeRole::new(Source::Environment, role);
    /// let chain = Chain::default().with_sources([Source::AssumeRole(role)]);
    /// ```
    pub fn new(base: Source, role_arn: impl Into<String>) -> Self {
        Self {
            base: Box::new(base),
            role_arn: role_arn.into(),
            role_session_name: Self::SESSION_NAME.to_owned(),
            duration_seconds: None,
            external_id: None,
        }
    }
}

/// Credentials and where they came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// One consistent set of id, key and token.
    pub credentials: Credentials,
    /// When they expire, by the service's clock.
    pub expiry: Option<Wall>,
    /// The region that the profile of tccli names, for [`Session::with_region`].
    ///
    /// [`Session::with_region`]: tcss_export_core::Session::with_region
    pub region: Option<String>,
    /// The source, for people. It names the variables or the file.
    pub origin: String,
    /// A problem that does not prevent the use, such as a file that other users can read.
    pub warning: Option<String>,
}

type Variables = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// A list of sources that are asked in order, and the credentials that they gave.
///
/// The first source that has credentials counts. A source that exists but cannot be used ends the
/// chain with an error, so that a typing mistake does not select another account.
///
/// Credentials that expire are refreshed 300 s before, or a tenth of their lifetime if that is
/// less. If a refresh fails, is dropped or gives the same credentials, they are used until they
/// expire, and the refresh is tried again once in [`Chain::RETRY_PAUSE`]. Credentials that do not
/// expire are read again only after the service has refused them. Concurrent calls cause one
/// refresh.
pub struct Chain {
    sources: Vec<Source>,
    variables: Box<Variables>,
    metadata: Option<Endpoint>,
    sts: Option<Endpoint>,
    cache: Mutex<Cache>,
    /// Held by the call that asks the sources.
    refreshing: futures_util::lock::Mutex<()>,
}

/// Asks [`Source::DEFAULT`].
impl Default for Chain {
    fn default() -> Self {
        Self {
            sources: Source::DEFAULT.into(),
            variables: Box::new(|name| env::var_os(name)),
            metadata: None,
            sts: None,
            cache: Mutex::default(),
            refreshing: futures_util::lock::Mutex::default(),
        }
    }
}

impl Chain {
    /// The pause after a refresh without new credentials, while the credentials are still valid:
    /// 5 s.
    pub const RETRY_PAUSE: Duration = Duration::from_secs(5);

    /// Sets the sources, in order.
    #[must_use]
    pub fn with_sources(mut self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.sources = sources.into_iter().collect();
        self
    }

    /// Reads environment variables with this function instead of [`std::env::var_os`].
    #[must_use]
    pub fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Self {
        self.variables = Box::new(variable);
        self
    }

    /// Asks this metadata service, for tests. An [`Endpoint`] is plain `http` on loopback only.
    #[must_use]
    pub fn with_metadata(mut self, endpoint: Endpoint) -> Self {
        self.metadata = Some(endpoint);
        self
    }

    /// Assumes roles at this endpoint of STS, also those of a profile of tccli. The default is
    /// `sts.tencentcloudapi.com`, as in all SDKs; the international site also has
    /// `sts.intl.tencentcloudapi.com`.
    #[must_use]
    pub fn with_sts(mut self, endpoint: Endpoint) -> Self {
        self.sts = Some(endpoint);
        self
    }

    /// Returns credentials, over this transport if a source needs requests. With `fresh`, the
    /// service has refused the last ones.
    ///
    /// # Errors
    ///
    /// A [`ChainError`] if no source has credentials, or if one cannot be used.
    pub async fn find<T: Transport>(
        &self,
        transport: &T,
        fresh: bool,
    ) -> Result<Found, ChainError> {
        let usable = lock(&self.cache).usable(transport.now(), fresh);
        let attempts = match usable {
            Ok(found) => return Ok(found),
            Err(attempts) => attempts,
        };
        let _refreshing = match self.refreshing.try_lock() {
            Some(guard) => guard,
            None => {
                // No need to wait for the other call while the credentials are valid.
                let valid = lock(&self.cache).valid(transport.now()).filter(|_| !fresh);
                if let Some(found) = valid {
                    return Ok(found);
                }
                self.refreshing.lock().await
            }
        };
        let result = lock(&self.cache).result_since(attempts, transport.now(), fresh);
        if let Some(result) = result {
            return result;
        }
        let result = self.ask(transport).await;
        lock(&self.cache).store(result, transport.now(), fresh)
    }

    async fn ask<T: Transport>(&self, transport: &T) -> Result<(Found, ClockOffset), ChainError> {
        let _attempt = Attempt { chain: self, transport };
        let (metadata, sts) = (self.metadata.as_ref(), self.sts.as_ref());
        let remote = Remote { transport, metadata, sts };
        let mut tried = Vec::new();
        for source in &self.sources {
            let result = match source.plan(&*self.variables) {
                Ok(plan) => remote.carry_out(plan).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(found) => return Ok(found),
                Err(error) => tried.push(error),
            }
            if tried.last().is_some_and(|error| error.kind() != SourceErrorKind::Absent) {
                break;
            }
        }
        Err(ChainError::new(tried))
    }
}

/// Notes the end of an attempt when it is dropped. The limit of a caller may drop each attempt, and
/// the next callers must not all wait for another one.
struct Attempt<'a, T: Transport> {
    chain: &'a Chain,
    transport: &'a T,
}

impl<T: Transport> Drop for Attempt<'_, T> {
    fn drop(&mut self) {
        let now = self.transport.now();
        lock(&self.chain.cache).end_attempt(now);
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("sources", &self.sources).finish_non_exhaustive()
    }
}
