//! Logs a wait and a download by `tracing`. `cargo run --features tracing,ureq --example tracing`
//! runs it against a test service on this machine.

use std::io;

use tcss_export::{Credentials, JobId, Session, Source, ureq::Client};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

fn main() -> anyhow::Result<()> {
    // `LevelFilter::INFO` leaves out the single polls.
    let filter = Targets::new().with_target("tcss_export", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(fmt::layer()).with(filter).init();

    let service = Service::builder()
        .script("RUNNING:40,RESET,SUCCESS".parse()?)
        .file(ServedFile::bytes("report.csv", "id,status\r\n1,PASSED\r\n"))
        .start()?;
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let client = Client::new(Session::new(service.url().parse()?), credentials);

    let job = JobId::new("4711")?;
    let finished = client.wait(job.clone())?;
    let source = Source::new(finished.download_url).of_job(job);
    client.download_into(source, io::sink())?.outcome()?;
    Ok(())
}
