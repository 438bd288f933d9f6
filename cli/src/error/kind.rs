//! The kinds of errors, with their exit codes and default hints.

use serde::Serialize;

use crate::signals::Signal;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    #[default]
    Usage,
    TimedOut,
    Api,
    Transport,
    Answer,
    File,
    /// A limit of the process or of the system.
    Resource,
    Interrupted,
    Terminated,
    /// A bug in this program.
    Internal,
}

impl ErrorKind {
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::TimedOut => 3,
            Self::Api => 4,
            Self::Transport => 5,
            Self::Answer => 6,
            Self::File | Self::Resource => 7,
            Self::Interrupted => Signal::Interrupt.exit_code(),
            Self::Terminated => Signal::Terminate.exit_code(),
            // The exit code of a panic.
            Self::Internal => 101,
        }
    }

    /// Returns the hint for an error of this kind that has no other one.
    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::Usage => "--help describes all options",
            Self::TimedOut => "wait again, perhaps with a longer --timeout",
            Self::Api => "look up the code in the service's list of error codes",
            Self::Transport => "check the network and --endpoint",
            Self::Answer => {
                "check --endpoint and what is between this machine and the service, such as a proxy"
            }
            Self::File => "check the free space and the permissions where the output goes",
            Self::Resource => "raise the limits of this process (ulimit -a), or end other programs",
            Self::Internal => "report this message to the authors of this program",
            // A command says how to continue.
            Self::Interrupted | Self::Terminated => "",
        }
    }
}
