use tcss_export::{CredentialSource, DownloadUrl, SendFault, TransportError, ureq::Client};

use crate::{
    args::{self, Common},
    background::Desk,
    download::Downloader,
    ending::Ending,
    failure::{Failure, Kind},
    keys,
    terminal::output::Output,
};

pub(super) fn run(
    args: &args::Download,
    common: &Common,
    output: &Output,
) -> Result<Ending, Failure> {
    let session = common.session()?;
    let downloader = |credentials: CredentialSource| {
        let client = Client::new(session, credentials).with_policy(args.pace.policy());
        Downloader { desk: Desk::open(), client, save: &args.save, output }
    };
    match (&args.source.job_id, &args.source.url) {
        (Some(job), _) => {
            let job = args::not_a_url(job)?;
            let credentials = keys::credentials()?;
            args.save.check().map_err(|failure| failure.of_job(job))?;
            let options = [args.save.options(), args.pace.options(), common.options()].concat();
            downloader(credentials.into()).job_to_file(job, &options)
        }
        (None, url) => {
            downloader(without_keys()).url_to_file(parsed(url.as_deref().unwrap_or_default())?)
        }
    }
}

fn parsed(url: &str) -> Result<DownloadUrl, Failure> {
    DownloadUrl::new(url).ok_or_else(|| Failure::new(Kind::Usage, "--url is empty"))
}

/// The URL is all that is needed.
fn without_keys() -> CredentialSource {
    CredentialSource::from_fn(|_| {
        Err(TransportError::new(SendFault::Permanent, "there are no keys"))
    })
}
