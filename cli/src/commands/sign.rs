use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;
use tcss_export::{DescribeExportJobResult, Wall, text::printable};

use super::explain::timestamp;
use crate::{
    args::{self, Common},
    ending::Ending,
    failure::Failure,
    keys,
    terminal::{masking::MASK, output::Output},
};

/// A request as it would be sent.
#[derive(Serialize)]
struct Signed {
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
    body: String,
}

pub(super) fn run(args: &args::Sign, common: &Common, output: &Output) -> Result<Ending, Failure> {
    let action = DescribeExportJobResult::new(args.what.job.id()?.clone());
    let seconds = i64::try_from(timestamp(&args.what)?.as_seconds()).unwrap_or(i64::MAX);
    let now = Wall::from_unix_seconds(seconds);
    let request = common.session()?.request(&action, &keys::credentials()?, now)?;
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

/// Masks a token whole, and of an `Authorization` only the signature.
fn without_secret(value: &str) -> String {
    let label = "Signature=";
    let end = value.rfind(label).map_or(0, |at| at + label.len());
    format!("{}{MASK}", &value[..end])
}

impl Signed {
    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.method, self.uri);
        for (name, value) in &self.headers {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{name}: {}", printable(value));
        }
        let _ = writeln!(text, "\n{}", printable(&self.body));
        text
    }
}
