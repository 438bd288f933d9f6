//! Creates many jobs, waits for them and downloads their files in one process, under one budget.
//! `cargo run --release --all-features --example many_exports -- ENDPOINT COUNT FOLDER` runs it
//! against a service, such as `tcss-export serve --limit 20 --file FILE`, with the keys of the
//! environment, and prints the time and the memory.

use std::{env, fs, path::Path, time::Instant};

use anyhow::Context;
use futures_util::stream::{self, StreamExt};
use tcss_export::{
    Session, Source, Target,
    actions::{AssetType, CreateExportComplianceStatusListJob},
    credentials::Chain,
    hyper::Client,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [endpoint, count, folder] = &*args else {
        anyhow::bail!("usage: many_exports ENDPOINT COUNT FOLDER");
    };
    let (count, folder) = (count.parse()?, Path::new(folder));
    fs::create_dir_all(folder)?;
    let client = Client::new(Session::new(endpoint.parse()?), Chain::default());

    let began = Instant::now();
    let order = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    let create = async |_| client.send_with_retries(&order, |_, _| ()).await;
    let created: Vec<_> = stream::iter(0..count).map(create).buffered(8).collect().await;
    let jobs = created.into_iter().map(|answer| Ok(answer?.response.job_id));
    let jobs = jobs.collect::<anyhow::Result<Vec<_>>>()?;
    println!("{count} jobs created after {:.1?}", began.elapsed());

    let mut finished = client.wait_all(stream::iter(jobs));
    let mut polls = 0;
    while let Some((job, outcome)) = finished.next().await {
        let outcome = outcome.with_context(|| format!("job {job}"))?;
        polls += outcome.report.polls;
        let target = Target::new(folder.join(job.as_str())).replacing();
        let source = Source::new(outcome.download_url).of_job(job);
        client.download(source, target)?.outcome().await?;
    }
    println!("{count} files complete after {:.1?}, {polls} polls", began.elapsed());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find(|line| line.starts_with("VmHWM:"));
    println!("{}", memory.unwrap_or("the memory is known on Linux only"));
    Ok(())
}
