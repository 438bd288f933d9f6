//! The command `credentials`: the key in use, and whose it is.

use serde::{Deserialize, Serialize};
use tcss_export::{
    Session,
    actions::{Action, Answer},
    core::Wall,
    driver::clock,
};

use crate::{
    args::{self, Common},
    client::send,
    error::{Error, Result},
    keys::{self, Keys},
    output::{Ending, Output},
    progress::ExchangeProgress,
    secrets::{masked, without_keys},
    text::rows,
};

/// The characters of an id at its end, half as many as at its start, that tell keys apart.
const SHOWN: usize = 4;

/// The key in use.
#[derive(Serialize)]
struct Key {
    source: String,
    /// Without its middle.
    secret_id: String,
    has_token: bool,
    /// In Unix seconds.
    expires: Option<i64>,
    warning: Option<String>,
    owner: Option<Owner>,
}

/// The owner of a key, as the service says.
#[derive(Serialize)]
pub(super) struct Owner {
    pub(super) account_id: String,
    pub(super) arn: String,
    request_id: Option<String>,
}

pub(crate) async fn credentials(args: &args::Credentials, output: &Output) -> Result<Ending> {
    let keys = Keys::new(&args.common)?;
    let found = ExchangeProgress::new(output).shown(keys.find(false)).await?;
    let owner = match args.check {
        true => Some(owner(&keys, &args.common, output).await?),
        false => None,
    };
    let key = Key {
        source: found.origin,
        secret_id: shortened(found.credentials.secret_id()),
        has_token: found.credentials.token().is_some(),
        expires: found.expiry.map(Wall::unix_seconds),
        warning: found.warning,
        owner,
    };
    output.result(&key, || rows("", &key.rows()))?;
    Ok(Ending::Done)
}

impl Key {
    fn rows(&self) -> Vec<(&'static str, Option<String>)> {
        let expires = self.expires.map(|at| clock::utc(Wall::from_unix_seconds(at)).to_string());
        let owner = self.owner.as_ref();
        vec![
            ("source", Some(self.source.clone())),
            ("id", Some(self.secret_id.clone())),
            ("token", Some(if self.has_token { "yes" } else { "none" }.to_owned())),
            ("expires", expires),
            ("warning", self.warning.clone()),
            ("account", owner.map(|owner| owner.account_id.clone())),
            ("owner", owner.map(|owner| owner.arn.clone())),
            ("request id", owner.and_then(|owner| owner.request_id.clone())),
        ]
    }
}

/// Returns the start and the end of an id.
fn shortened(id: &str) -> String {
    // Ids are ASCII.
    match (id.get(..2 * SHOWN), id.get(id.len().saturating_sub(SHOWN)..)) {
        (Some(start), Some(end)) if id.len() > 4 * SHOWN => format!("{start}***{end}"),
        _ => format!("{}***", id.get(..SHOWN).unwrap_or_default()),
    }
}

/// Asks STS whose key is in use, or a test service in its place.
pub(super) async fn owner(keys: &Keys, common: &Common, output: &Output) -> Result<Owner> {
    let endpoint = common.endpoint()?;
    let endpoint = match keys::service()? {
        Some(service) => service,
        // The test service answers this, too: a test must not send a request to the real STS.
        None if endpoint.is_loopback() => endpoint,
        None if endpoint.host().contains(".intl.") => "sts.intl.tencentcloudapi.com".parse()?,
        None => "sts.tencentcloudapi.com".parse()?,
    };
    let session = Session::new(endpoint).with_region(REGION)?;
    let client = keys.client(session);
    let answer = send(&client, &GetCallerIdentity {}, output).await;
    let Answer { response, request_id, .. } = answer.map_err(|f| Error::of_sts(f.error))?;
    Ok(Owner {
        account_id: masked(&response.account_id),
        arn: masked(&response.arn),
        request_id: request_id.as_deref().map(without_keys),
    })
}

/// STS requires a region; the answer does not depend on it.
const REGION: &str = "ap-guangzhou";

/// Service page: [GetCallerIdentity](https://www.tencentcloud.com/document/product/1150/49453).
#[derive(Serialize)]
struct GetCallerIdentity {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    account_id: String,
    arn: String,
}

impl Action for GetCallerIdentity {
    const SERVICE: &'static str = "sts";
    const VERSION: &'static str = "2018-08-13";
    const NAME: &'static str = "GetCallerIdentity";
    type Response = Identity;
}
