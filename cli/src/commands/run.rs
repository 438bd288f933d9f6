use tcss_export::{text::printable, ureq::Client};

use crate::{
    args::{self, Common},
    background::Desk,
    create,
    download::Downloader,
    ending::Ending,
    failure::Failure,
    keys,
    terminal::output::Output,
};

pub(super) fn run(args: &args::Run, common: &Common, output: &Output) -> Result<Ending, Failure> {
    let action = args.export.action()?;
    let client = Client::new(common.session()?, keys::credentials()?);
    // A job is not created for a file that cannot be written.
    args.save.check()?;
    let desk = Desk::open();
    // Its time is not that of the wait: cut short, it could have created a job that nobody knows.
    let answer = create::create(&desk, &client, action, common, output)?;
    let job = answer.response.job_id;
    output.progress(&format!("created job {}", printable(job.as_str())));
    let client = client.with_policy(args.pace.policy());
    let downloader = Downloader { desk, client, save: &args.save, output };
    let options = [args.save.options(), args.pace.options(), common.options()].concat();
    downloader.job_to_file(&job, &options)
}
