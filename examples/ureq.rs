//! Creates a job, waits for it and downloads its file: blocking, over ureq.
//! `cargo run --features ureq --example ureq` runs it against a test service on this machine.

use std::env;

use tcss_export::{
    Credentials, Session, Source, Target,
    actions::{AssetType, CreateExportComplianceStatusListJob},
    ureq::Client,
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};

fn main() -> anyhow::Result<()> {
    let service = Service::builder()
        .script("RUNNING:40,SUCCESS".parse()?)
        .file(ServedFile::bytes("report.csv", "id,status\r\n1,PASSED\r\n"))
        .start()?;
    // For the real service: `Session::new(Endpoint::international())` and your own key.
    let session = Session::new(service.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let client = Client::new(session, credentials);
    let target = Target::new(env::temp_dir().join("tcss-export-ureq.csv")).replacing();
    target.check()?; // fails early, before a job exists

    let create = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    let job = client.send(&create)?.response.job_id;
    println!("created job {job}");
    let finished = client.wait(job.clone())?;
    println!("ready after {} requests", finished.report.polls);
    let source = Source::new(finished.download_url).of_job(job);
    let downloaded = client.download(source, target)?.outcome()?;
    println!("{} bytes, CRC-64 verified: {}", downloaded.bytes, downloaded.verified);
    Ok(())
}
