//! Saves a wait in a file and resumes it, as another process or machine would.
//! `cargo run --features ureq,serde --example save_resume` runs it against a test service.

use std::{env, fs, path::Path};

use tcss_export::{
    Credentials, JobId, Session,
    ureq::Client,
    wait::{Finished, SavedWait},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Service};

fn main() -> anyhow::Result<()> {
    let service = Service::builder().script("RUNNING:10,SUCCESS".parse()?).start()?;
    let file = env::temp_dir().join("tcss-export-wait.json");
    start(&client(&service)?, &file)?;
    let finished = resume(&client(&service)?, &file)?;
    println!("the file is at {}", finished.download_url);
    println!("{} requests in all", finished.report.polls);
    Ok(())
}

/// Each process has its own client: the file holds no credentials.
fn client(service: &Service) -> anyhow::Result<Client> {
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    Ok(Client::new(Session::new(service.url().parse()?), credentials))
}

/// Asks once about the job, and saves the wait.
fn start(client: &Client, file: &Path) -> anyhow::Result<()> {
    let mut wait = client.follow(JobId::new("4711")?);
    println!("{:?}", wait.next());
    Ok(fs::write(file, serde_json::to_vec(&wait.save())?)?)
}

/// Continues the wait. Its deadline is still the same.
fn resume(client: &Client, file: &Path) -> anyhow::Result<Finished> {
    let saved: SavedWait = serde_json::from_slice(&fs::read(file)?)?;
    fs::remove_file(file)?;
    Ok(client.resume(saved)?.outcome()?)
}
