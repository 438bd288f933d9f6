//! Groups of options that several commands share, and the parsers of their values.

use std::{
    io::{self, BufRead, BufReader, Read},
    net::IpAddr,
    num::{IntErrorKind, ParseIntError},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    Args as Group,
    builder::{PathBufValueParser, TypedValueParser},
};
use ipnet::IpNet;
use tcss_export::{
    DownloadUrl, JobId, Language, Target,
    actions::{AssetType, CreateExportComplianceStatusListJob as Create},
    download,
    driver::{AddressPolicy, Network, clock},
    error::BuildError,
    signing::Timestamp,
    wait::Policy,
};

use crate::{
    error::{Error, ErrorKind, Result},
    output::check_stdout,
    secrets::variable,
    shell::CommandOption,
};

const ASSET_TYPE: &str = "Exports this type of asset: container, image, host, k8s, containerd, \
    containerd_container or another one that the service knows.";
const ID: &str = "Exports only this check item, or with --by-asset this asset; for several, use \
    commas or repeat the option.";
const URL: &str = "Downloads from this URL, without keys. - reads it from stdin, which keeps its \
    secret query out of the list of processes; TCSS_EXPORT_URL works, too.";
const OUTPUT: &str = "Writes to this file; - is stdout, which then holds nothing else. {date} in the name \
    is the date of the start in UTC: report-{date}.csv.";
const REQUIRE_CRC: &str = "Accepts a file only if the server gives its CRC-64; otherwise a file \
    without one is checked by its length alone.";
const ALLOW_PRIVATE: &str = "Also connects to the private networks of Tencent Cloud: 10.0.0.0/8, \
    100.64.0.0/10 and 169.254.0.0/16, except the metadata service.";
const ALLOW_NETWORK: &str = "Also connects to this address or network, such as 198.18.0.0/15; for \
    several, use commas or repeat the option.";
const DOWNLOAD_TIMEOUT: &str =
    "Stops downloading after this time; by default there is no limit as long as bytes arrive.";

/// The contents of a new export.
#[derive(Debug, Group)]
pub(crate) struct Export {
    #[arg(long, value_name = "TYPE", value_parser = asset_type)]
    #[arg(help = ASSET_TYPE)]
    asset_type: AssetType,
    #[arg(long, help = "Exports by asset instead of by check item.")]
    by_asset: bool,
    #[command(flatten)]
    extent: Extent,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
struct Extent {
    #[arg(long, help = "Exports everything.")]
    all: bool,
    #[arg(long = "id", value_name = "N", value_delimiter = ',', value_parser = whole)]
    #[arg(allow_negative_numbers = true, help = ID)]
    ids: Vec<u64>,
}

impl Export {
    pub(crate) fn action(&self) -> Result<Create, BuildError> {
        let asset_type = self.asset_type.clone();
        let mut action = match self.extent.all {
            true => Create::all(asset_type),
            false => Create::of(asset_type, self.extent.ids.iter().copied())?,
        };
        action.export_by_asset = self.by_asset;
        Ok(action)
    }
}

#[derive(Debug, Group)]
#[group(multiple = false)]
pub(crate) struct Source {
    #[arg(value_name = "JOB_ID", help = "The id of the job, as printed by create or jobs.")]
    pub(crate) job_id: Option<JobId>,
    // Parsed later: an error of clap would show the secret query.
    #[arg(long, value_name = "URL", conflicts_with_all = ["timeout", "interval"])]
    #[arg(help = URL)]
    url: Option<String>,
}

/// No request can have a longer URL.
const LONGEST_LINE: u64 = 128 * 1024;

impl Source {
    /// Returns the URL from the option, stdin or the environment.
    pub(crate) fn url(&self) -> Result<DownloadUrl> {
        let (name, url) = match self.url.as_deref() {
            Some("-") => ("the URL on stdin", first_line_of_stdin()?),
            Some(url) => ("--url", url.to_owned()),
            None => {
                let missing = "a JOB_ID, --url or TCSS_EXPORT_URL is required";
                let missing = || Error::new(ErrorKind::Usage, missing);
                let not_utf8 = |_| Error::new(ErrorKind::Usage, "TCSS_EXPORT_URL is not UTF-8");
                let url = variable("TCSS_EXPORT_URL").map_err(not_utf8)?;
                ("TCSS_EXPORT_URL", url.ok_or_else(missing)?)
            }
        };
        let empty = || Error::new(ErrorKind::Usage, format!("{name} is empty"));
        DownloadUrl::new(url).ok_or_else(empty)
    }
}

fn first_line_of_stdin() -> Result<String> {
    let mut line = String::new();
    let read = BufReader::new(io::stdin().take(LONGEST_LINE)).read_line(&mut line);
    read.map_err(|error| {
        Error::new(ErrorKind::File, format!("stdin cannot be read: {error}")).with_hint("")
    })?;
    Ok(line.trim_end().to_owned())
}

#[derive(Debug, Group)]
pub(crate) struct Job {
    #[arg(value_name = "JOB_ID", help = "The id of the job, as printed by create or jobs.")]
    job_id: JobId,
}

impl Job {
    /// Returns the id, unless it is a URL.
    pub(crate) fn id(&self) -> Result<&JobId> {
        not_a_url(&self.job_id)
    }
}

/// Refuses a URL in place of a job id: it would be sent to the service, and shown. An error of clap
/// would show it, too.
pub(crate) fn not_a_url(job: &JobId) -> Result<&JobId> {
    match job.as_str().contains("://") {
        true => Err(Error::new(ErrorKind::Usage, "the job id is a URL")
            .with_hint("to download from a URL, use download --url")),
        false => Ok(job),
    }
}

/// The timing of a wait.
#[derive(Debug, Group)]
pub(crate) struct Timing {
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    #[arg(help = "Stops waiting for the job after this time; 30 minutes by default.")]
    timeout: Option<Duration>,
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    #[arg(help = "Asks at this fixed interval; by default it grows from 2 s to 15 s.")]
    interval: Option<Duration>,
}

impl Timing {
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        if let Some(timeout) = self.timeout {
            policy.max_wait = timeout;
            // A short wait must not hang in one exchange.
            policy.exchange_limit = timeout.min(Policy::EXCHANGE_LIMIT);
        }
        if let Some(interval) = self.interval {
            (policy.poll_interval, policy.longest_poll_interval) = (interval, interval);
        }
        policy
    }

    /// Returns the options for a command with the same timing.
    pub(crate) fn options(&self) -> Vec<CommandOption> {
        vec![("--timeout", seconds_text(self.timeout)), ("--interval", seconds_text(self.interval))]
    }
}

/// The output file of a download, and the limits of the download.
#[derive(Debug, Group)]
pub(crate) struct Save {
    #[arg(long = "output", short = 'o', value_name = "FILE", help = OUTPUT)]
    #[arg(value_parser = file())]
    file: PathBuf,
    #[arg(long, help = "Replaces an existing file once the new one is complete.")]
    force: bool,
    #[arg(long, help = "Accepts a plain http URL; the bytes can be changed on the way.")]
    allow_http: bool,
    #[arg(long, help = ALLOW_PRIVATE)]
    allow_private: bool,
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', value_parser = network)]
    #[arg(help = ALLOW_NETWORK)]
    allow_network: Vec<IpNet>,
    #[arg(long, help = REQUIRE_CRC)]
    require_crc: bool,
    #[arg(long, value_name = "BYTES", value_parser = positive_bytes, allow_negative_numbers = true)]
    #[arg(help = "Refuses a larger file; by default there is no limit but the free space.")]
    max_size: Option<u64>,
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Breaks off and retries if no byte arrives for this long; 60 s by default.")]
    stall: Option<Duration>,
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    #[arg(allow_negative_numbers = true, help = DOWNLOAD_TIMEOUT)]
    download_timeout: Option<Duration>,
}

impl Save {
    /// Returns the file, unless it is stdout.
    pub(crate) fn target(&self) -> Option<Target> {
        let target = Target::new(self.path()?);
        Some(if self.force { target.replacing() } else { target })
    }

    /// Checks that the file can be written, before any request.
    pub(crate) fn check(&self) -> Result<()> {
        match self.target() {
            Some(target) => target.check().map_err(|error| Error::of_target(&error, self.path())),
            None => check_stdout("redirect stdout to a file or a pipe, or name a file"),
        }
    }

    /// Returns the path of the file, unless it is stdout.
    pub(crate) fn path(&self) -> Option<&Path> {
        (self.file != Path::new("-")).then_some(&*self.file)
    }

    /// Returns the name as the user typed it.
    pub(crate) fn name(&self) -> String {
        self.file.display().to_string()
    }

    pub(crate) fn policy(&self) -> download::Policy {
        let mut policy = download::Policy::default();
        policy.allow_http = self.allow_http;
        policy.private_networks = self.private_networks();
        policy.require_crc64 = self.require_crc;
        policy.size_limit = self.max_size;
        policy.total_limit = self.download_timeout;
        if let Some(limit) = self.stall {
            policy.stall_limit = limit;
        }
        policy
    }

    /// Returns the networks that the options allow.
    fn private_networks(&self) -> Vec<Network> {
        let tencent = self.allow_private.then_some(AddressPolicy::TENCENT_NETWORKS);
        let named = self.allow_network.iter().map(|net| net.network()..=net.broadcast());
        tencent.into_iter().flatten().chain(named).collect()
    }

    /// Returns the options for a command with the same download.
    pub(crate) fn options(&self) -> Vec<CommandOption> {
        let name = self.name();
        // With its folder, a name does not look like an option.
        let is_option = name.starts_with('-') && name != "-";
        let name = if is_option { format!("./{name}") } else { name };
        vec![
            ("-o", Some(name)),
            ("--force", self.force.then(String::new)),
            ("--allow-http", self.allow_http.then(String::new)),
            ("--allow-private", self.allow_private.then(String::new)),
            ("--allow-network", joined(&self.allow_network)),
            ("--require-crc", self.require_crc.then(String::new)),
            ("--max-size", self.max_size.map(|bytes| bytes.to_string())),
            ("--stall", seconds_text(self.stall)),
            ("--download-timeout", seconds_text(self.download_timeout)),
        ]
    }
}

/// Parses the name of an output file, which may contain the date.
pub(super) fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(dated)
}

/// Puts the date of now, in UTC as in signatures, into the name of a file.
fn dated(path: PathBuf) -> PathBuf {
    let now = clock::utc(clock::now().wall);
    with_date(path, now.split(' ').next().unwrap_or_default())
}

/// Replaces each `{date}`. Other braces are part of the name, and so is a name that is not UTF-8.
fn with_date(path: PathBuf, date: &str) -> PathBuf {
    match path.to_str() {
        Some(name) => name.replace("{date}", date).into(),
        None => path,
    }
}

/// Returns the networks as one value, or `None` without networks.
fn joined(networks: &[IpNet]) -> Option<String> {
    let texts: Vec<_> = networks.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

fn seconds_text(time: Option<Duration>) -> Option<String> {
    time.map(|time| time.as_secs_f64().to_string())
}

pub(super) fn language(text: &str) -> Result<Language, &'static str> {
    text.parse().map_err(|_| "expected zh-CN or en-US")
}

pub(super) fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds like 90 or 0.5")?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| "expected a finite number of seconds that is not negative")
}

/// Parses a non-zero duration.
pub(super) fn positive_seconds(text: &str) -> Result<Duration, &'static str> {
    let limit = seconds(text)?;
    if limit.is_zero() { Err("expected more than no time") } else { Ok(limit) }
}

pub(super) fn whole(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "the number is too large",
        _ => "expected a whole number that is not negative",
    })
}

/// Parses a number of jobs that the service lists at a time.
pub(super) fn page(text: &str) -> Result<u64, &'static str> {
    match whole(text)? {
        limit @ 1..=100 => Ok(limit),
        _ => Err("expected 1 to 100"),
    }
}

/// Parses a network. A single address is a network, too.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| "expected a network like 198.18.0.0/15")
}

/// Parses a non-zero number of bytes.
pub(super) fn positive_bytes(text: &str) -> Result<u64, &'static str> {
    let bytes = whole(text)?;
    if bytes == 0 { Err("expected 1 or more") } else { Ok(bytes) }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    u16::try_from(whole(text)?).map_err(|_| format!("expected 0 to {}", u16::MAX))
}

pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().map_err(|_| "expected whole seconds since 1970")?;
    Timestamp::new(seconds).map_err(|error| error.to_string())
}

/// The prefix of the known asset types.
const ASSET: &str = "ASSET_";

/// Parses an asset type: a known one in any case and with or without `ASSET_`, any other unchanged.
pub(super) fn asset_type(text: &str) -> Result<AssetType, BuildError> {
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix(ASSET).unwrap_or(&upper);
    let is_meant = |known: &AssetType| known.as_str().strip_prefix(ASSET) == Some(bare);
    AssetType::KNOWN.into_iter().find(is_meant).map_or_else(|| AssetType::new(text), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_asset_type_is_accepted_in_each_spelling() {
        for (text, expected) in [
            ("host", "ASSET_HOST"),
            ("Asset_Host", "ASSET_HOST"),
            ("ASSET_K8S", "ASSET_K8S"),
            ("containerd_container", "ASSET_CONTAINERD_CONTAINER"),
        ] {
            assert_eq!(asset_type(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn an_unknown_asset_type_stays_unchanged() {
        for text in ["Asset_new", "newer", "ASSET_"] {
            assert_eq!(asset_type(text).unwrap().as_str(), text);
        }
        assert!(asset_type("").is_err());
    }

    #[test]
    fn a_name_has_the_date_in_place_of_each_date_in_braces() {
        for (name, expected) in [
            ("report-{date}.csv", "report-2026-11-29.csv"),
            ("{date}/{date}", "2026-11-29/2026-11-29"),
            ("{Date}-{day}-{}-date.csv", "{Date}-{day}-{}-date.csv"),
            ("{{date}}", "{2026-11-29}"),
            ("-", "-"),
        ] {
            assert_eq!(with_date(name.into(), "2026-11-29"), Path::new(expected));
        }
    }
}
