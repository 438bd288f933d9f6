use std::{path::PathBuf, time::Duration};

use clap::Args as Group;
use tcss_export::{
    download::Policy,
    driver::{FileError, Target},
};

use super::values::seconds;
use crate::shell::option;

/// Stands for stdout.
const STDOUT: &str = "-";

/// Where a file goes, and what is allowed on the way.
#[derive(Debug, Group)]
pub(crate) struct Save {
    #[arg(
        long = "output",
        short = 'o',
        value_name = "FILE",
        help = "Names the file to write; - is stdout, which then holds nothing else."
    )]
    file: PathBuf,
    #[arg(long, help = "Lets a file that exists be replaced, once the new one is whole.")]
    force: bool,
    #[arg(long, help = "Takes a plain http URL, whose bytes can be changed on the way.")]
    allow_http: bool,
    #[arg(long, help = "Connects to private and link-local addresses, too.")]
    allow_private: bool,
    #[arg(long, value_name = "BYTES", help = "Refuses a file that is larger.")]
    max_size: Option<u64>,
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true,
        help = "Breaks off when no byte comes for so long, and tries again; 60 s by default."
    )]
    stall: Option<Duration>,
}

impl Save {
    pub(crate) fn is_stdout(&self) -> bool {
        self.file.as_os_str() == STDOUT
    }

    /// Returns the file, unless it is stdout.
    pub(crate) fn target(&self) -> Option<Target> {
        let target = Target::new(&self.file);
        let target = if self.force { target.replacing() } else { target };
        (!self.is_stdout()).then_some(target)
    }

    /// Tells whether the file can be written, before anything is asked of the service.
    pub(crate) fn check(&self) -> Result<(), FileError> {
        self.target().map_or(Ok(()), |target| target.check())
    }

    /// Returns the name as it was given.
    pub(crate) fn name(&self) -> String {
        self.file.display().to_string()
    }

    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        if self.allow_http {
            policy = policy.allowing_http();
        }
        if self.allow_private {
            policy = policy.allowing_private();
        }
        if let Some(bytes) = self.max_size {
            policy = policy.with_size_limit(bytes);
        }
        match self.stall {
            Some(limit) => policy.with_stall_limit(limit),
            None => policy,
        }
    }

    /// Returns the options that lead to the same file in the same way.
    pub(crate) fn options(&self) -> Vec<String> {
        let name = self.name();
        // A name that looks like an option is none with its folder.
        let is_option = name.starts_with('-') && !self.is_stdout();
        let name = if is_option { format!("./{name}") } else { name };
        let flags = [
            ("--force", self.force),
            ("--allow-http", self.allow_http),
            ("--allow-private", self.allow_private),
        ];
        let flags =
            flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag.to_owned());
        let max_size = self.max_size.map(|bytes| option("--max-size", &bytes.to_string()));
        let stall = self.stall.map(|limit| option("--stall", &limit.as_secs_f64().to_string()));
        [option("-o", &name)].into_iter().chain(flags).chain(max_size).chain(stall).collect()
    }
}
