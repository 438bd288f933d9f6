//! The requests of sources: the metadata service of virtual machines, and STS.
//!
//! Service pages: [instance roles](https://www.tencentcloud.com/document/product/213/45917),
//! [AssumeRole](https://www.tencentcloud.com/document/product/1150/49456).

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::HOST};
use serde::{Deserialize, Serialize};
use tcss_export_core::{
    Advice, Answer, BuildError, ClockOffset, Credentials, Endpoint, Session, TransportErrorKind,
    Wall, actions::Action, read_answer, read_object,
};
use zeroize::Zeroizing;

use super::{
    AssumeRole, Found, SourceError, SourceErrorKind,
    local::{Plan, Start},
};
use crate::{
    proxies::METADATA_HOST,
    transport::{Transport, exchange},
};

/// The service is on the same host. Elsewhere nothing answers, and nobody should wait for that.
const METADATA_LIMIT: Duration = Duration::from_secs(1);
/// Shorter than the limit of the exchange that waits for the credentials.
const STS_LIMIT: Duration = Duration::from_secs(10);

const METADATA_PATH: &str = "/latest/meta-data/cam/security-credentials/";
const STS_HOST: &str = "sts.tencentcloudapi.com";
/// The SDKs send this region.
const STS_REGION: &str = "ap-guangzhou";
pub(super) const METADATA: &str = "instance role";
const STS: &str = "STS";

/// Sends the requests of a source.
pub(super) struct Remote<'a, T> {
    pub(super) transport: &'a T,
    pub(super) metadata: Option<&'a Endpoint>,
    pub(super) sts: Option<&'a Endpoint>,
}

/// Credentials, their expiry, and the clock of the service that issued them.
type Issued = (Credentials, Option<Wall>, ClockOffset);

impl<T: Transport> Remote<'_, T> {
    /// Gets the first credentials of a plan, and assumes its roles with them.
    pub(super) async fn carry_out(&self, plan: Plan) -> Result<(Found, ClockOffset), SourceError> {
        let Plan { start, roles, sts, region, mut origin, warning } = plan;
        let sts = self.sts.or(sts.as_ref());
        let started = self.start(start, sts, &mut origin).await;
        let mut issued = started.map_err(|error| error.of_source(&origin))?;
        for role in roles {
            let assumed = self.assume(&role, sts, &issued.0).await;
            issued = assumed.map_err(|error| error.of_source(&origin))?;
            origin = format!("role {}, assumed by {origin}", role.role_arn);
        }
        let (credentials, expiry, offset) = issued;
        Ok((Found { credentials, expiry, region, origin, warning }, offset))
    }

    async fn start(
        &self,
        start: Start,
        sts: Option<&Endpoint>,
        origin: &mut String,
    ) -> Result<Issued, SourceError> {
        match start {
            Start::Keys(credentials, expiry) => {
                self.check_login(origin, expiry)?;
                Ok((credentials, expiry, ClockOffset::default()))
            }
            Start::InstanceRole => {
                let (role, issued) = self.instance_role().await?;
                *origin = match &**origin {
                    METADATA => format!("{METADATA} {role}"),
                    profile => format!("{METADATA} {role}, chosen by {profile}"),
                };
                Ok(issued)
            }
            Start::WebIdentity { action, region } => {
                let issued = self.issue(sts_session(sts, &region), &action, None).await;
                issued.map_err(|error| error.without(Some(action.web_identity_token.as_str())))
            }
        }
    }

    async fn assume(
        &self,
        role: &Role,
        sts: Option<&Endpoint>,
        base: &Credentials,
    ) -> Result<Issued, SourceError> {
        let issued = self.issue(sts_session(sts, STS_REGION), role, Some(base)).await;
        issued.map_err(|error| error.without(base.token()))
    }

    /// Only tccli can renew the keys of a login.
    fn check_login(&self, origin: &str, expiry: Option<Wall>) -> Result<(), SourceError> {
        match expiry {
            Some(expiry) if expiry.saturating_since(self.transport.now().wall).is_zero() => {
                Err(SourceError::broken(origin, "the login has expired: log in again with tccli"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the name and the credentials of the machine's role.
    async fn instance_role(&self) -> Result<(String, Issued), SourceError> {
        let role = role_name(&self.metadata("").await?.0)?;
        let (answer, offset) = self.metadata(&role).await?;
        let answer = read_object::<MetadataKeys>(&answer);
        let answer = answer.map_err(|error| SourceError::of_answer(METADATA, &error))?.response;
        if answer.code != "Success" {
            return Err(fault(METADATA, format!("the service answered {}", code(&answer.code))));
        }
        let (Some(keys), Some(expired_time)) = (answer.keys, answer.expired_time) else {
            return Err(fault(METADATA, "the answer has no keys, or no expiry"));
        };
        Ok((role, self.issued(METADATA, keys, expired_time, offset)?))
    }

    /// Sends a request to the metadata service.
    async fn metadata(&self, role: &str) -> Result<(Response<Bytes>, ClockOffset), SourceError> {
        let (base, host) = match self.metadata {
            Some(endpoint) => (endpoint.to_string(), endpoint.host()),
            None => (format!("http://{METADATA_HOST}"), METADATA_HOST),
        };
        let request = Request::get(format!("{base}{METADATA_PATH}{role}")).header(HOST, host);
        let request = request.body(Bytes::new()).map_err(|error| fault(METADATA, error))?;
        let is_loopback = self.metadata.is_some_and(Endpoint::is_loopback);
        self.exchange(METADATA, request, is_loopback, METADATA_LIMIT).await
    }

    /// Sends an action to STS. Without credentials it is not signed.
    async fn issue<A: Action<Response = StsKeys>>(
        &self,
        session: Result<Session, BuildError>,
        action: &A,
        credentials: Option<&Credentials>,
    ) -> Result<Issued, SourceError> {
        let broken = |error| SourceError::broken(STS, error);
        let mut session = session.map_err(broken)?;
        loop {
            let now = self.transport.now().wall;
            let request = match credentials {
                Some(credentials) => session.request(action, credentials, now),
                None => session.unsigned_request(action, now),
            };
            let request = request.map_err(broken)?;
            let is_loopback = session.endpoint().is_loopback();
            let (answer, offset) = self.exchange(STS, request, is_loopback, STS_LIMIT).await?;
            match read_answer::<A>(&answer) {
                Ok(Answer { response: keys, .. }) => {
                    return self.issued(STS, keys.credentials, keys.expired_time, offset);
                }
                // Once: then the session has an offset.
                Err(error)
                    if error.advice() == Advice::CorrectClock
                        && session.clock_offset() == ClockOffset::default()
                        && offset != ClockOffset::default() =>
                {
                    session = session.with_clock_offset(offset);
                }
                Err(error) => return Err(SourceError::of_answer(STS, &error)),
            }
        }
    }

    /// Returns the answer, and the offset of the service's clock by its `Date`.
    async fn exchange(
        &self,
        place: &str,
        request: Request<Bytes>,
        is_loopback: bool,
        limit: Duration,
    ) -> Result<(Response<Bytes>, ClockOffset), SourceError> {
        let started = self.transport.now();
        let answer = exchange(self.transport, request, is_loopback, started.mono, limit).await;
        let answer = answer.map_err(|error| SourceError::of_transport(place, error))?;
        let answered = self.transport.now().mono;
        let offset = ClockOffset::measure(started, answered, answer.headers()).unwrap_or_default();
        Ok((answer, offset))
    }

    fn issued(
        &self,
        place: &str,
        keys: KeyPair,
        expired_time: i64,
        offset: ClockOffset,
    ) -> Result<Issued, SourceError> {
        let KeyPair { token, tmp_secret_id, tmp_secret_key } = keys;
        let expiry = Wall::from_unix_seconds(expired_time);
        if expiry.saturating_since(offset.apply(self.transport.now().wall)).is_zero() {
            return Err(fault(place, "the issued keys have expired already"));
        }
        if token.is_empty() {
            return Err(fault(place, "the answer has no token"));
        }
        let credentials = Credentials::new(tmp_secret_id, tmp_secret_key.as_str());
        let credentials = credentials.and_then(|keys| keys.with_token(token.as_str()));
        Ok((credentials.map_err(|error| fault(place, error))?, Some(expiry), offset))
    }
}

fn fault(place: &str, problem: impl std::fmt::Display) -> SourceError {
    SourceError::new(SourceErrorKind::Fault(TransportErrorKind::Connection), place, problem)
}

pub(super) fn sts_session(
    endpoint: Option<&Endpoint>,
    region: &str,
) -> Result<Session, BuildError> {
    let endpoint = endpoint.map_or_else(|| STS_HOST.parse(), |endpoint| Ok(endpoint.clone()))?;
    Session::new(endpoint).with_region(region)
}

/// Returns a code to show. A damaged answer may have a key in its place.
fn code(code: &str) -> &str {
    let is_code = code.len() <= 24 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    if is_code { code } else { "an unknown code" }
}

/// Reads the name of a role. Its characters are those of a session's name, and `+`.
fn role_name(answer: &Response<Bytes>) -> Result<String, SourceError> {
    match answer.status() {
        StatusCode::NOT_FOUND => {
            return Err(SourceError::absent(METADATA, "the machine has no role"));
        }
        status if !status.is_success() => {
            return Err(fault(METADATA, format!("the service answered HTTP status {status}")));
        }
        _ => {}
    }
    let name = str::from_utf8(answer.body()).unwrap_or_default().trim();
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_allowed) {
        return Err(fault(METADATA, "the answer is not the name of a role"));
    }
    Ok(name.to_owned())
}

/// The answer of STS.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StsKeys {
    credentials: KeyPair,
    /// In Unix seconds.
    expired_time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPair {
    token: Zeroizing<String>,
    tmp_secret_id: String,
    tmp_secret_key: Zeroizing<String>,
}

/// The answer of the metadata service. Without success it may have no keys.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetadataKeys {
    code: String,
    expired_time: Option<i64>,
    #[serde(flatten)]
    keys: Option<KeyPair>,
}

/// The action that assumes a role.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Role {
    pub(super) role_arn: String,
    pub(super) role_session_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<String>,
}

impl From<&AssumeRole> for Role {
    fn from(role: &AssumeRole) -> Self {
        let AssumeRole { base: _, role_arn, role_session_name, duration_seconds, external_id } =
            role.clone();
        Self { role_arn, role_session_name, duration_seconds, external_id }
    }
}

impl Action for Role {
    const SERVICE: &'static str = "sts";
    const VERSION: &'static str = "2018-08-13";
    const NAME: &'static str = "AssumeRole";
    type Response = StsKeys;
}

/// The action that exchanges the token of a pod for keys.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WebIdentity {
    provider_id: String,
    web_identity_token: Zeroizing<String>,
    role_arn: String,
    role_session_name: &'static str,
}

impl WebIdentity {
    pub(super) fn new(
        provider_id: String,
        web_identity_token: Zeroizing<String>,
        role_arn: String,
    ) -> Self {
        let role_session_name = AssumeRole::SESSION_NAME;
        Self { provider_id, web_identity_token, role_arn, role_session_name }
    }
}

impl Action for WebIdentity {
    const SERVICE: &'static str = "sts";
    const VERSION: &'static str = "2018-08-13";
    const NAME: &'static str = "AssumeRoleWithWebIdentity";
    type Response = StsKeys;
}
