//! The commands `sign` and `explain`: a signed request, and the text that is signed.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;
use tcss_export::{
    actions::{Action, DescribeExportJobResult},
    core::{Wall, text::printable},
    credentials::Found,
    driver::clock,
    signing::{StringToSign, Timestamp},
};

use crate::{
    args::{self, Common},
    error::Result,
    keys::Keys,
    output::{Ending, Output},
    secrets::MASK,
};

/// A signed request.
#[derive(Serialize)]
struct Signed {
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
    body: String,
}

pub(crate) async fn sign(args: &args::Sign, common: &Common, output: &Output) -> Result<Ending> {
    let action = DescribeExportJobResult::new(args.job.id()?.clone());
    let seconds = i64::try_from(timestamp(&args.time)?.as_seconds()).unwrap_or(i64::MAX);
    let now = Wall::from_unix_seconds(seconds);
    let Found { credentials, region, .. } = Keys::new(common)?.find(false).await?;
    let request = common.session(region.as_deref())?.request(&action, &credentials, now)?;
    let headers = request.headers().iter().map(|(name, value)| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let is_masked = value.is_sensitive() && !args.reveal;
        (name.to_string(), if is_masked { without_secret(&text) } else { text })
    });
    let signed = Signed {
        method: request.method().to_string(),
        uri: request.uri().to_string(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(request.body()).into_owned(),
    };
    output.result(&signed, || signed.text())?;
    Ok(Ending::Done)
}

/// Masks the signature of an `Authorization`, and the whole value otherwise.
fn without_secret(value: &str) -> String {
    let label = "Signature=";
    let end = value.rfind(label).map_or(0, |at| at + label.len());
    format!("{}{MASK}", &value[..end])
}

impl Signed {
    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.method, self.uri);
        for (name, value) in &self.headers {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {}", printable(value));
        }
        let _ = writeln!(text, "\n{}", printable(&self.body));
        text
    }
}

/// The stages of a signature that need no key.
#[derive(Serialize)]
struct Stages {
    canonical_request: String,
    scope: String,
    string_to_sign: String,
}

pub(crate) fn explain(
    job: &args::Job,
    time: &args::Time,
    common: &Common,
    output: &Output,
) -> Result<Ending> {
    let action = DescribeExportJobResult::new(job.id()?.clone());
    let canonical_request = common.session(None)?.canonical_request(&action)?;
    let service = DescribeExportJobResult::SERVICE;
    let string_to_sign = StringToSign::new(timestamp(time)?, service, canonical_request.hash());
    let stages = Stages {
        canonical_request: canonical_request.to_string(),
        scope: string_to_sign.scope().to_string(),
        string_to_sign: string_to_sign.to_string(),
    };
    output.result(&stages, || {
        let Stages { canonical_request, scope, string_to_sign } = &stages;
        format!(
            "# Canonical request\n{canonical_request}\n\n# Scope\n{scope}\n\n\
             # String to sign\n{string_to_sign}\n"
        )
    })?;
    Ok(Ending::Done)
}

/// Returns the time of the signature: the option, or now.
fn timestamp(time: &args::Time) -> Result<Timestamp> {
    match time.timestamp {
        Some(timestamp) => Ok(timestamp),
        None => Ok(Timestamp::new(clock::now().wall.unix_seconds())?),
    }
}
