//! Downloads from a loopback service, each time in a new process, and prints the figures with their
//! bounds. It fails if one is missed:
//!
//! - the rate relative to curl: the median of paired runs. A download syncs its file to disk, so
//!   the time of curl includes that of `sync FILE`;
//! - the memory that 1 GiB needs more than a smaller file does, over one connection and over eight;
//! - the rate of eight connections relative to one, where the service limits each of them.
//!
//! ```sh
//! cargo bench --features ureq,hyper,reqwest --bench downloading           # 15 pairs of runs
//! cargo bench --features ureq,hyper,reqwest --bench downloading -- --test # one, without the rates
//! ```

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tcss_export::{
    CredentialSource, Credentials, DownloadUrl, Session, Source, Target,
    download::{Downloaded, Policy},
    driver::{Client, Transport},
};
use tcss_export_testkit::{ServedFile, Service};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CLIENTS: [&str; 3] = ["ureq", "hyper", "reqwest"];
const LARGE: u64 = 1 << 30;
/// The file whose rate is measured. Short runs and many of them: other programs disturb few pairs.
const MEDIUM: u64 = 256 << 20;
/// The files that are as large as the memory that may be in use, for one connection and for eight.
const SMALL: [(u32, u64); 2] = [(1, 1 << 20), (CONNECTIONS, 64 << 20)];
/// The file of a service that limits each connection to about 1 MiB a second: 20 pieces in each,
/// with a pause of 50 ms between them.
const LIMITED: u64 = 16 << 20;
const LIMIT: &str = "SLOW:52429";
const CONNECTIONS: u32 = 8;

const PAIRS: usize = 15;

/// The limit for the additional memory of the larger file.
const MOST_MORE_MIB: f64 = 32.0;
/// The lowest permitted rate, relative to curl. Both wait for the disk, whose rate varies.
const LEAST_OF_CURL: f64 = 0.7;
/// The lowest permitted rate of eight connections, relative to one.
const LEAST_OF_ONE: f64 = 7.0;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", client, connections, url, file] => child(client, connections.parse()?, url, file),
        _ => {
            let is_quick =
                arguments.iter().any(|argument| argument == "--test" || argument == "--quick");
            let folder = env::temp_dir().join(format!("tcss-export-bench-{}", std::process::id()));
            fs::create_dir_all(&folder)?;
            let measured = measure_all(&folder, is_quick);
            fs::remove_dir_all(&folder)?;
            match measured? {
                true => Ok(()),
                false => Err("a figure is over its bound".into()),
            }
        }
    }
}

/// Downloads once and prints the peak memory of this process in KiB.
fn child(client: &str, connections: u32, url: &str, file: &str) -> Result<()> {
    let mut policy = Policy::default();
    policy.connections = connections;
    let source = Source::new(DownloadUrl::new(url).ok_or("an empty URL")?).with_policy(policy);
    // A loopback endpoint, since only that may name a loopback URL.
    let session = Session::new("http://127.0.0.1".parse()?);
    let credentials =
        CredentialSource::from(Credentials::new("AKIDEXAMPLEOFTHEBENCH", "EXAMPLEKEYOFTHEBENCH")?);
    let target = Target::new(file).replacing();
    let downloaded = match client {
        "ureq" => tcss_export::ureq::Client::new(session, credentials)
            .download(source, target)?
            .outcome()?,
        "hyper" => {
            download(&tcss_export::hyper::Client::new(session, credentials), source, target)?
        }
        _ => download(&tcss_export::reqwest::Client::new(session, credentials), source, target)?,
    };
    assert!(downloaded.verified);
    println!("{}", peak_kib()?);
    Ok(())
}

fn download<T: Transport>(
    client: &Client<T>,
    source: Source,
    target: Target,
) -> Result<Downloaded> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Ok(client.download(source, target)?.outcome().await?) })
}

fn peak_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no peak memory in /proc/self/status")?.parse()?)
}

/// Measures everything, and returns whether all figures are within their bounds. A quick run has no
/// rates, since one run on a busy machine says nothing about them.
fn measure_all(folder: &Path, is_quick: bool) -> Result<bool> {
    let serve = |length| Service::builder().file(ServedFile::made_up("file.bin", length)).start();
    let (large, medium) = (serve(LARGE)?, serve(MEDIUM)?);
    let file = folder.join("file.bin");
    let mut is_good = true;
    for client in CLIENTS {
        for (connections, length) in SMALL {
            let (_, least) = measure(client, connections, &serve(length)?, &file, length)?;
            let (_, peak) = measure(client, connections, &large, &file, LARGE)?;
            let more = (peak.saturating_sub(least)) as f64 / 1024.0;
            let small = length >> 20;
            let name = format!(
                "{client}, {connections} connections, MiB more for 1 GiB than for {small} MiB"
            );
            is_good &= at_most(&name, more, MOST_MORE_MIB);
        }
        if is_quick {
            continue;
        }
        let name = format!("{client}, rate relative to curl and sync");
        is_good &= at_least(&name, relative_to_curl(client, &medium, &file)?, LEAST_OF_CURL);
        let one = limited(client, 1, &file)?;
        // The best of three, as a pause of the machine is a large part of so short a run.
        let mut eight = limited(client, CONNECTIONS, &file)?;
        for _ in 1..3 {
            eight = eight.min(limited(client, CONNECTIONS, &file)?);
        }
        let ratio = one.as_secs_f64() / eight.as_secs_f64();
        let name = format!("{client}, rate of 8 connections relative to 1");
        is_good &= at_least(&name, ratio, LEAST_OF_ONE);
    }
    Ok(is_good)
}

/// Returns the median of the ratios of paired runs. Each pair runs in the reverse order of the one
/// before.
fn relative_to_curl(client: &str, service: &Service, file: &PathBuf) -> Result<f64> {
    let mut ratios = Vec::new();
    for nth in 0..PAIRS {
        let mut order = ["curl", client];
        order.rotate_left(nth % 2);
        let [first, second] = order.map(|client| measure(client, 1, service, file, MEDIUM));
        let ratio = first?.0.as_secs_f64() / second?.0.as_secs_f64();
        ratios.push(if nth % 2 == 0 { ratio } else { ratio.recip() });
    }
    ratios.sort_by(f64::total_cmp);
    println!("     {client}, from {:.2} to {:.2} of curl's rate", ratios[0], ratios[PAIRS - 1]);
    Ok(ratios[PAIRS / 2])
}

/// Returns the time of a download from a service that limits each connection.
fn limited(client: &str, connections: u32, file: &PathBuf) -> Result<Duration> {
    let served = ServedFile::made_up("limited.bin", LIMITED);
    let faults = [LIMIT; LIMITED as usize >> 20].join(",").parse()?;
    let service = Service::builder().file(served).download_faults(faults).start()?;
    Ok(measure(client, connections, &service, file, LIMITED)?.0)
}

fn at_least(name: &str, value: f64, bound: f64) -> bool {
    let word = if value >= bound { "ok  " } else { "over" };
    println!("{word} {name}: {value:.2} (at least {bound})");
    value >= bound
}

fn at_most(name: &str, value: f64, bound: f64) -> bool {
    let word = if value <= bound { "ok  " } else { "over" };
    println!("{word} {name}: {value:.1} (at most {bound})");
    value <= bound
}

/// Downloads once in a new process, and returns its time and its peak memory in KiB.
fn measure(
    client: &str,
    connections: u32,
    service: &Service,
    file: &PathBuf,
    length: u64,
) -> Result<(Duration, u64)> {
    let url = service.file_url().ok_or("no file URL")?;
    let _ = fs::remove_file(file);
    let mut command = match client {
        "curl" => Command::new("curl"),
        _ => Command::new(env::current_exe()?),
    };
    match client {
        "curl" => command.args(["--silent", "--show-error", "--fail", &url, "-o"]).arg(file),
        _ => command.args(["child", client, &connections.to_string(), &url]).arg(file),
    };
    let began = Instant::now();
    let output = command.stderr(Stdio::inherit()).output()?;
    if client == "curl" {
        Command::new("sync").arg(file).status()?;
    }
    let took = began.elapsed();
    if !output.status.success() || fs::metadata(file)?.len() != length {
        return Err(format!("{client} did not download the whole file").into());
    }
    let peak = String::from_utf8(output.stdout)?.trim().parse().unwrap_or_default();
    Ok((took, peak))
}
