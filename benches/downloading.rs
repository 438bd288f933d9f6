//! Downloads 1 GiB from a loopback service, each time in a process of its own, in turn with curl:
//! prints the rates, and fails if the peak of memory grows with the file or, over five rounds, if
//! the best rate is below 0.8 of curl's. A download ends with the file on the disk, so the time of
//! curl includes syncing its file.
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
    CredentialSource, Credentials, DownloadUrl, Endpoint, Session, Target,
    download::Downloaded,
    driver::{Client, Transport},
};
use tcss_export_testkit::{ServedFile, Service};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const WAYS: [&str; 4] = ["curl", "ureq", "hyper", "reqwest"];
const LARGE: u64 = 1 << 30;
const SMALL: u64 = 1 << 20;
/// How much more memory the larger file may take.
const MOST_MORE_MIB: f64 = 32.0;
/// How much of curl's rate there must be.
const LEAST_OF_CURL: f64 = 0.8;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", way, url, file] => child(way, url, file),
        _ => {
            let is_test = arguments.iter().any(|argument| argument == "--test");
            // One round tells nothing of the rate of a busy machine.
            if is_test { compare(1, 0.0) } else { compare(5, LEAST_OF_CURL) }
        }
    }
}

/// Downloads once and prints the peak of this process's memory in KiB.
fn child(way: &str, url: &str, file: &str) -> Result<()> {
    let url = DownloadUrl::new(url).ok_or("an empty URL")?;
    let session = Session::new(Endpoint::international());
    let credentials =
        CredentialSource::from(Credentials::new("AKIDEXAMPLEOFTHEBENCH", "EXAMPLEKEYOFTHEBENCH")?);
    let target = Target::new(file).replacing();
    let downloaded = match way {
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
    Ok(number.ok_or("no peak of memory is told")?.parse()?)
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
    let mut best = [Duration::MAX; WAYS.len()];
    let mut peaks = [0; WAYS.len()];
    for _ in 0..rounds {
        for (way, (best, peak)) in WAYS.iter().zip(best.iter_mut().zip(&mut peaks)) {
            let (took, memory) = measure(way, &large, &folder.join("large.bin"), LARGE)?;
            *best = took.min(*best);
            *peak = memory.max(*peak);
        }
    }
    for (index, way) in WAYS.iter().enumerate() {
        let rate = LARGE as f64 / best[index].as_secs_f64() / 1e6;
        let of_curl = best[0].as_secs_f64() / best[index].as_secs_f64();
        print!("{way:7} {rate:6.0} MB/s, {of_curl:.2} of curl");
        if *way != "curl" {
            let (_, least) = measure(way, &small, &folder.join("small.bin"), SMALL)?;
            let more = (peaks[index].saturating_sub(least)) as f64 / 1024.0;
            print!(", {more:.1} MiB more memory than for 1 MiB");
            if more > MOST_MORE_MIB {
                return Err(format!("{way} takes {more:.1} MiB more for the larger file").into());
            }
        }
        println!();
        if of_curl < least_of_curl {
            return Err(format!("{way} has less than {least_of_curl} of curl's rate").into());
        }
    }
    Ok(())
}

/// Downloads once in a process of its own; returns how long it took and the peak of its memory.
fn measure(way: &str, service: &Service, file: &PathBuf, length: u64) -> Result<(Duration, u64)> {
    let url = service.file_url().ok_or("there is a file")?;
    let _ = fs::remove_file(file);
    let mut command = match way {
        "curl" => Command::new("curl"),
        _ => Command::new(env::current_exe()?),
    };
    match way {
        "curl" => command.args(["--silent", "--show-error", "--fail", &url, "-o"]).arg(file),
        _ => command.args(["child", way, &url]).arg(file),
    };
    let began = Instant::now();
    let output = command.stderr(Stdio::inherit()).output()?;
    if way == "curl" {
        fs::File::open(file)?.sync_all()?;
    }
    let took = began.elapsed();
    if !output.status.success() || fs::metadata(file)?.len() != length {
        return Err(format!("{way} gave no whole file").into());
    }
    let peak = String::from_utf8(output.stdout)?.trim().parse().unwrap_or_default();
    Ok((took, peak))
}
