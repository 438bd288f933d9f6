//! Waits for a job and downloads its file over the reqwest client that a program has already.
//! `cargo run --features reqwest --example reqwest` runs it against a test service on this machine.

use std::env;

use tcss_export::{
    Credentials, JobId, Session, Source, Target,
    driver::{CONNECT_LIMIT, HEADERS_LIMIT, IDLE_LIMIT},
    reqwest::{Client, Reqwest},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let service = Service::builder()
        .script("SUCCESS".parse()?)
        .file(ServedFile::bytes("report.csv", "id,status\r\n1,PASSED\r\n"))
        .start()?;
    let session = Session::new(service.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;

    // reqwest needs a provider of rustls. The docs of `from_client` list the settings.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_only()
        .http1_max_headers(HEADERS_LIMIT)
        .connect_timeout(CONNECT_LIMIT)
        .pool_idle_timeout(IDLE_LIMIT)
        .build()?;
    // Without the check, a download may connect to any address that its URL leads to.
    let transport = Reqwest::from_client(own).skipping_address_check();
    let client = Client::with_transport(session, credentials, transport);

    let job = JobId::new("4711")?;
    let finished = client.wait(job.clone()).await?;
    let source = Source::new(finished.download_url).of_job(job);
    let target = Target::new(env::temp_dir().join("tcss-export-reqwest.csv")).replacing();
    let downloaded = client.download(source, target)?.outcome().await?;
    println!("{} bytes, CRC-64 verified: {}", downloaded.bytes, downloaded.verified);
    Ok(())
}
