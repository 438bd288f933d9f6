//! The ways to end with a result, and their exit codes.

/// How a command ends that gave its result.
pub(crate) enum Ending {
    Done,
    /// The job has failed, which is a result all the same.
    JobFailed,
    /// A replay decides otherwise, which is a result all the same.
    Differs,
    /// The help was shown because nothing was asked for.
    Refused,
}

impl Ending {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::JobFailed | Self::Differs => 1,
            Self::Refused => 2,
        }
    }
}
