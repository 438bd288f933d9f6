//! Downloads 1 GiB from a loopback service through each transport and through curl, each time in a
//! new process, and prints the rates. It fails if the peak memory grows with the file or, over five
//! rounds, if the best rate is below 0.8 of curl's. A download includes syncing the file to disk,
//! so the time of curl does as well.
//!
//! ```sh
//! cargo bench --features ureq,hyper,reqwest --bench downloading           # the best of five rounds
//! cargo bench --features ureq,hyper,reqwest --bench downloading -- --test # one round
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
    CredentialSource, Credentials, DownloadUrl, Session, Target,
    download::Downloaded,
    driver::{Client, Transport},
};
use tcss_export_testkit::{ServedFile, Service};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CLIENTS: [&str; 4] = ["curl", "ureq", "hyper", "reqwest"];
const LARGE: u64 = 1 << 30;
const SMALL: u64 = 1 << 20;
/// The limit for the additional memory of the larger file.
const MOST_MORE_MIB: f64 = 32.0;
/// The lowest permitted rate, relative to curl.
const LEAST_OF_CURL: f64 = 0.8;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", client, url, file] => child(client, url, file),
        _ => {
            let is_test = arguments.iter().any(|argument| argument == "--test");
            // One round on a busy machine says nothing about the rate.
            if is_test { compare(1, 0.0) } else { compare(5, LEAST_OF_CURL) }
        }
    }
}

/// Downloads once and prints the peak memory of this process in KiB.
fn child(client: &str, url: &str, file: &str) -> Result<()> {
    let url = DownloadUrl::new(url).ok_or("an empty URL")?;
    // A loopback endpoint, since only that may name a loopback URL.
    let session = Session::new("http://127.0.0.1".parse()?);
    let credentials =
        CredentialSource::from(Credentials::new("AKIDEXAMPLEOFTHEBENCH", "EXAMPLEKEYOFTHEBENCH")?);
    let target = Target::new(file).replacing();
    let downloaded = match client {
        "ureq" => {
            tcss_export::ureq::Client::new(session, credentials).download(url, target)?.outcome()?
        }
        "hyper" => download(&tcss_export::hyper::Client::new(session, credentials), url, target)?,
        _ => download(&tcss_export::reqwest::Client::new(session, credentials), url, target)?,
    };
    assert!(downloaded.verified);
    println!("{}", peak_kib()?);
    Ok(())
}

fn download<T: Transport>(
    client: &Client<T>,
    url: DownloadUrl,
    target: Target,
) -> Result<Downloaded> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Ok(client.download(url, target)?.outcome().await?) })
}

fn peak_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no peak memory in /proc/self/status")?.parse()?)
}

fn compare(rounds: u32, least_of_curl: f64) -> Result<()> {
    let folder = env::temp_dir().join(format!("tcss-export-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let compared = measure_all(&folder, rounds, least_of_curl);
    fs::remove_dir_all(&folder)?;
    compared
}

fn measure_all(folder: &Path, rounds: u32, least_of_curl: f64) -> Result<()> {
    let large = Service::builder().file(ServedFile::made_up("large.bin", LARGE)).start()?;
    let small = Service::builder().file(ServedFile::made_up("small.bin", SMALL)).start()?;
    let mut best = [Duration::MAX; CLIENTS.len()];
    let mut peaks = [0; CLIENTS.len()];
    for _ in 0..rounds {
        for (client, (best, peak)) in CLIENTS.iter().zip(best.iter_mut().zip(&mut peaks)) {
            let (took, memory) = measure(client, &large, &folder.join("large.bin"), LARGE)?;
            *best = took.min(*best);
            *peak = memory.max(*peak);
        }
    }
    for (index, client) in CLIENTS.iter().enumerate() {
        let rate = LARGE as f64 / best[index].as_secs_f64() / 1e6;
        let of_curl = best[0].as_secs_f64() / best[index].as_secs_f64();
        print!("{client:7} {rate:6.0} MB/s, {of_curl:.2} of curl");
        if *client != "curl" {
            let (_, least) = measure(client, &small, &folder.join("small.bin"), SMALL)?;
            let more = (peaks[index].saturating_sub(least)) as f64 / 1024.0;
            print!(", {more:.1} MiB more memory than for 1 MiB");
            if more > MOST_MORE_MIB {
                return Err(format!("{client} needs {more:.1} MiB more for the larger file").into());
            }
        }
        println!();
        if of_curl < least_of_curl {
            return Err(format!("{client} reaches less than {least_of_curl} of curl's rate").into());
        }
    }
    Ok(())
}

/// Downloads once in a new process, and returns its time and its peak memory in KiB.
fn measure(
    client: &str,
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
        _ => command.args(["child", client, &url]).arg(file),
    };
    let began = Instant::now();
    let output = command.stderr(Stdio::inherit()).output()?;
    if client == "curl" {
        fs::File::open(file)?.sync_all()?;
    }
    let took = began.elapsed();
    if !output.status.success() || fs::metadata(file)?.len() != length {
        return Err(format!("{client} did not download the whole file").into());
    }
    let peak = String::from_utf8(output.stdout)?.trim().parse().unwrap_or_default();
    Ok((took, peak))
}
