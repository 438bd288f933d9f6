use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args as Group;
use tcss_export::{download::Policy, driver::Target};

use super::values::{some_bytes, some_seconds};
use crate::{failure::Failure, terminal::shell::Setting};

/// Stands for stdout.
const STDOUT: &str = "-";

/// Where a file goes, and what is allowed on the way.
#[derive(Debug, Group)]
pub(crate) struct Save {
    #[arg(
        long = "output",
        short = 'o',
        value_name = "FILE",
        help = "Writes to this file; - is stdout, which then holds nothing else."
    )]
    file: PathBuf,
    #[arg(long, help = "Replaces an existing file once the new one is complete.")]
    force: bool,
    #[arg(long, help = "Accepts a plain http URL; the bytes can be changed on the way.")]
    allow_http: bool,
    #[arg(long, help = "Also connects to private and link-local addresses.")]
    allow_private: bool,
    #[arg(
        long,
        help = "Accepts a file only if the server gives its CRC-64; otherwise a file without one \
                is checked by its length alone."
    )]
    require_crc: bool,
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = some_bytes,
        allow_negative_numbers = true,
        help = "Refuses a larger file."
    )]
    max_size: Option<u64>,
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = some_seconds,
        allow_negative_numbers = true,
        help = "Breaks off and retries if no byte arrives for this long; 60 s by default."
    )]
    stall: Option<Duration>,
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = some_seconds,
        allow_negative_numbers = true,
        help = "Stops downloading after this time; by default there is no limit as long as bytes \
                arrive."
    )]
    download_timeout: Option<Duration>,
}

impl Save {
    pub(crate) fn is_stdout(&self) -> bool {
        self.file.as_os_str() == STDOUT
    }

    /// Returns the file, unless it is stdout.
    pub(crate) fn target(&self) -> Option<Target> {
        let target = Target::new(self.path()?);
        Some(if self.force { target.replacing() } else { target })
    }

    /// Tells whether the file can be written, before anything is asked of the service.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let checked = self.target().map_or(Ok(()), |target| target.check());
        checked.map_err(|error| Failure::of_target(&error, self.path()))
    }

    /// Returns the path of the file, unless it is stdout.
    pub(crate) fn path(&self) -> Option<&Path> {
        (!self.is_stdout()).then_some(&*self.file)
    }

    /// Returns the name as it was given.
    pub(crate) fn name(&self) -> String {
        self.file.display().to_string()
    }

    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        policy.allow_http = self.allow_http;
        policy.allow_private = self.allow_private;
        policy.require_crc64 = self.require_crc;
        policy.size_limit = self.max_size;
        policy.total_limit = self.download_timeout;
        if let Some(limit) = self.stall {
            policy.stall_limit = limit;
        }
        policy
    }

    /// Returns the options that lead to the same file in the same way.
    pub(crate) fn options(&self) -> Vec<Setting> {
        let name = self.name();
        // A name that looks like an option is none with its folder.
        let is_option = name.starts_with('-') && !self.is_stdout();
        let name = if is_option { format!("./{name}") } else { name };
        let flag = |name, is_set: bool| is_set.then(|| Setting::flag(name));
        let options = [
            Setting::of("-o", Some(name)),
            flag("--force", self.force),
            flag("--allow-http", self.allow_http),
            flag("--allow-private", self.allow_private),
            flag("--require-crc", self.require_crc),
            Setting::of("--max-size", self.max_size.map(|bytes| bytes.to_string())),
            Setting::seconds("--stall", self.stall),
            Setting::seconds("--download-timeout", self.download_timeout),
        ];
        options.into_iter().flatten().collect()
    }
}
