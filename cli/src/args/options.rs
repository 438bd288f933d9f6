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
    builder::{PathBufValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
};
use ipnet::IpNet;
use jiff::fmt::friendly::SpanParser;
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

const ID: &str = "Exports only this check item, or with --by-asset this asset; for several, use \
    commas or repeat the option.";
const URL: &str = "Downloads from this URL, without keys. - reads it from stdin, which keeps its \
    secret query out of the list of processes; TCSS_EXPORT_URL works, too.";
const OUTPUT: &str = "Writes to this file; - is stdout, which then holds nothing else. {date} in the \
    name is the date of the start in UTC: report-{date}.csv.";
const REQUIRE_CRC: &str = "Accepts a file only if the server gives its CRC-64; otherwise a file \
    without one is checked by its length alone.";
const ALLOW_PRIVATE: &str = "Also connects to the private networks of Tencent Cloud: 10.0.0.0/8, \
    100.64.0.0/10 and 169.254.0.0/16, except the metadata service.";
const ALLOW_NETWORK: &str = "Also connects to this address or network, such as 198.18.0.0/15; for \
    several, use commas or repeat the option.";
const DOWNLOAD_TIMEOUT: &str =
    "Stops downloading after this time; by default there is no limit as long as bytes arrive.";

const CONNECTIONS: &str = "Downloads over up to N connections, 1 to 16; 1 by default. More help where \
    the server limits the rate of each connection; it may refuse some of them.";

/// The contents of a new export.
#[derive(Debug, Group)]
pub(crate) struct Export {
    #[command(flatten)]
    asset: Asset,
    #[arg(long, help = "Exports by asset instead of by check item.")]
    by_asset: bool,
    #[command(flatten)]
    extent: Extent,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
struct Asset {
    #[arg(long, value_name = "TYPE", value_parser = known_asset_type(), ignore_case = true)]
    #[arg(help = "Exports this type of asset.")]
    asset_type: Option<AssetType>,
    #[arg(long, value_name = "TYPE", hide_short_help = true)]
    #[arg(help = "Exports a type that --asset-type does not know; it is sent as it is.")]
    other_asset_type: Option<AssetType>,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
struct Extent {
    #[arg(long, help = "Exports everything.")]
    all: bool,
    #[arg(long = "id", value_name = "N", value_delimiter = ',', value_parser = whole)]
    #[arg(help = "Exports this check item, or asset with --by-asset.", long_help = ID)]
    #[arg(allow_negative_numbers = true)]
    ids: Vec<u64>,
}

impl Export {
    pub(crate) fn action(&self) -> Result<Create, BuildError> {
        let Asset { asset_type, other_asset_type } = &self.asset;
        let asset_type = asset_type.as_ref().or(other_asset_type.as_ref());
        // clap requires one of the two.
        let asset_type = asset_type.cloned().map_or_else(|| AssetType::new(""), Ok)?;
        let mut action = match self.extent.all {
            true => Create::all(asset_type),
            false => Create::of(asset_type, self.extent.ids.iter().copied())?,
        };
        action.export_by_asset = self.by_asset;
        Ok(action)
    }

    /// Returns the options for the same export.
    pub(crate) fn options(&self) -> Vec<CommandOption> {
        let Self { asset: Asset { asset_type, other_asset_type }, by_asset, extent } = self;
        let text = |asset_type: &Option<AssetType>| Some(asset_type.as_ref()?.as_str().to_owned());
        let ids: Vec<_> = extent.ids.iter().map(ToString::to_string).collect();
        vec![
            ("--asset-type", text(asset_type)),
            ("--other-asset-type", text(other_asset_type)),
            ("--by-asset", by_asset.then(String::new)),
            ("--all", extent.all.then(String::new)),
            ("--id", Some(ids.join(",")).filter(|ids| !ids.is_empty())),
        ]
    }
}

#[derive(Debug, Group)]
#[group(multiple = false)]
pub(crate) struct Source {
    #[arg(value_name = "JOB_ID", help = "The id of the job, as printed by create or jobs.")]
    pub(crate) job_id: Option<JobId>,
    // Parsed later: an error of clap would show the secret query.
    #[arg(long, value_name = "URL", conflicts_with_all = ["timeout", "interval"])]
    #[arg(help = "Downloads from this URL; - reads it from stdin.", long_help = URL)]
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
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    #[arg(help = "Stops waiting after this time; 30 minutes by default.")]
    timeout: Option<Duration>,
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    #[arg(help = "Asks at this fixed interval; by default it grows from 2 s to 15 s.")]
    #[arg(hide_short_help = true)]
    interval: Option<Duration>,
}

impl Timing {
    /// Returns the time for a wait, and for a create before it.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Policy::MAX_WAIT)
    }

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
    #[arg(long = "output", short = 'o', value_name = "FILE", value_parser = file())]
    #[arg(help = "Writes to this file; - is stdout.", long_help = OUTPUT)]
    file: PathBuf,
    #[arg(long, help = "Replaces an existing file once the new one is complete.")]
    force: bool,
    #[arg(long, hide_short_help = true)]
    #[arg(help = "Accepts a plain http URL; the bytes can be changed on the way.")]
    allow_http: bool,
    #[arg(long, long_help = ALLOW_PRIVATE)]
    #[arg(help = "Also connects to private networks of Tencent Cloud.")]
    allow_private: bool,
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', value_parser = network)]
    #[arg(help = ALLOW_NETWORK, hide_short_help = true)]
    allow_network: Vec<IpNet>,
    #[arg(long, long_help = REQUIRE_CRC)]
    #[arg(help = "Accepts a file only with a CRC-64 of the server.")]
    require_crc: bool,
    #[arg(long, value_name = "BYTES", value_parser = positive, allow_negative_numbers = true)]
    #[arg(help = "Refuses a larger file; by default there is no limit but the free space.")]
    #[arg(hide_short_help = true)]
    max_size: Option<u64>,
    #[arg(long, value_name = "TIME", value_parser = positive_time)]
    #[arg(allow_negative_numbers = true, hide_short_help = true)]
    #[arg(help = "Breaks off and retries if no byte arrives for this long; 60 s by default.")]
    stall: Option<Duration>,
    #[arg(long, value_name = "TIME", value_parser = positive_time)]
    #[arg(allow_negative_numbers = true, help = DOWNLOAD_TIMEOUT, hide_short_help = true)]
    download_timeout: Option<Duration>,
    #[arg(long, value_name = "N", value_parser = connections, allow_negative_numbers = true)]
    #[arg(help = CONNECTIONS, hide_short_help = true)]
    connections: Option<u32>,
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
        if let Some(connections) = self.connections {
            policy.connections = connections;
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
            ("--connections", self.connections.map(|number| number.to_string())),
        ]
    }
}

/// Parses the name of an output file, which may contain the date.
pub(super) fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(dated)
}

/// Puts today's date, in UTC as in signatures, into the name of a file.
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

/// Parses a duration like `1h30m`, or a number of seconds.
pub(super) fn time(text: &str) -> Result<Duration, &'static str> {
    let time = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => SpanParser::new().parse_unsigned_duration(text).ok(),
    };
    time.ok_or("expected a time like 30s, 5m, 1h30m or 90 (seconds)")
}

/// Parses a non-zero duration.
pub(super) fn positive_time(text: &str) -> Result<Duration, &'static str> {
    let limit = time(text)?;
    if limit.is_zero() { Err("expected a time above zero, like 30s") } else { Ok(limit) }
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

/// Parses a non-zero number.
pub(super) fn positive(text: &str) -> Result<u64, &'static str> {
    let number = whole(text)?;
    if number == 0 { Err("expected 1 or more") } else { Ok(number) }
}

pub(super) fn connections(text: &str) -> Result<u32, String> {
    let most = download::Policy::MAX_CONNECTIONS;
    let number = u32::try_from(whole(text)?).ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("expected 1 to {most}"))
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    u16::try_from(whole(text)?).map_err(|_| format!("expected 0 to {}", u16::MAX))
}

pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().map_err(|_| "expected whole seconds since 1970")?;
    Timestamp::new(seconds).map_err(|error| error.to_string())
}

/// Parses a known asset type, in any case and with or without `ASSET_`.
fn known_asset_type() -> impl TypedValueParser<Value = AssetType> {
    let names = AssetType::KNOWN.each_ref().map(name_of);
    PossibleValuesParser::new(names).try_map(|text| {
        let is_meant = |known: &AssetType| name_of(known).matches(&text, true);
        AssetType::KNOWN.into_iter().find(is_meant).ok_or("unknown type")
    })
}

fn name_of(known: &AssetType) -> PossibleValue {
    let text = known.as_str();
    let short = text.strip_prefix("ASSET_").unwrap_or(text).to_ascii_lowercase();
    PossibleValue::new(short).alias(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    /// Returns the asset type of an option, or `None` if it is refused.
    fn asset_type(option: &str, text: &str) -> Option<String> {
        let command = Asset::augment_args(Command::new("test"));
        let matches = command.try_get_matches_from(["test", option, text]).ok()?;
        let asset = Asset::from_arg_matches(&matches).ok()?;
        Some(asset.asset_type.or(asset.other_asset_type)?.as_str().to_owned())
    }

    #[test]
    fn a_known_asset_type_is_accepted_in_each_spelling() {
        for (text, expected) in [
            ("host", "ASSET_HOST"),
            ("Asset_Host", "ASSET_HOST"),
            ("ASSET_K8S", "ASSET_K8S"),
            ("containerd_container", "ASSET_CONTAINERD_CONTAINER"),
        ] {
            assert_eq!(asset_type("--asset-type", text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn another_asset_type_needs_the_other_option_and_stays_unchanged() {
        for text in ["Asset_new", "hots", "ASSET_", "asset_asset_host"] {
            assert_eq!(asset_type("--asset-type", text), None);
            assert_eq!(asset_type("--other-asset-type", text).as_deref(), Some(text));
        }
        assert_eq!(asset_type("--other-asset-type", ""), None);
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
