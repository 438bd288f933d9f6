use serde::Serialize;
use tcss_export::{
    Action, DescribeExportJobResult,
    driver::clock,
    signing::{StringToSign, Timestamp},
};

use crate::{
    args::{self, Common},
    ending::Ending,
    failure::Failure,
    terminal::output::Output,
};

/// The stages before the key comes in.
#[derive(Serialize)]
struct Stages {
    canonical_request: String,
    scope: String,
    string_to_sign: String,
}

pub(super) fn run(
    args: &args::Explain,
    common: &Common,
    output: &Output,
) -> Result<Ending, Failure> {
    let action = DescribeExportJobResult::new(args.job.id()?.clone());
    let canonical_request = common.session()?.canonical_request(&action)?;
    let service = DescribeExportJobResult::SERVICE;
    let string_to_sign = StringToSign::new(timestamp(args)?, service, canonical_request.hash());
    let stages = Stages {
        canonical_request: canonical_request.to_string(),
        scope: string_to_sign.scope().to_string(),
        string_to_sign: string_to_sign.to_string(),
    };
    output.result(&stages, || stages.text())?;
    Ok(Ending::Done)
}

/// Returns the time to sign: the one given, or now.
pub(super) fn timestamp(args: &args::Explain) -> Result<Timestamp, Failure> {
    match args.timestamp {
        Some(timestamp) => Ok(timestamp),
        None => Ok(Timestamp::new(clock::now().wall.unix_seconds())?),
    }
}

impl Stages {
    fn text(&self) -> String {
        let Self { canonical_request, scope, string_to_sign } = self;
        format!(
            "# Canonical request\n{canonical_request}\n\n# Scope\n{scope}\n\n\
             # String to sign\n{string_to_sign}\n"
        )
    }
}
