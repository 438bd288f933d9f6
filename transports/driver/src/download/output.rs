use super::{file_error::FileError, part_file::PartFile, target::Target};

/// Where the bytes go: to a target, from a certain point on its part, or to a writer.
#[derive(Debug)]
pub(crate) enum Output<W> {
    Target(Target),
    Part(PartFile),
    Writer(W),
    /// It is in its place, or was thrown away.
    Closed,
}

/// What becomes of an output at the end of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it is there.
    Whole,
    /// What is there is wrong, and no later download can go on with it.
    Wrong,
    /// A later download can go on with it.
    Broken,
}

impl<W> Output<W> {
    /// Puts the file in its place, or throws away what is there.
    pub(crate) fn close(self, end: End) -> Result<(), FileError> {
        match (self, end) {
            (Self::Part(part), End::Whole) => part.commit(),
            (Self::Part(part), End::Wrong) => {
                part.discard();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) const fn can_restart(&self) -> bool {
        !matches!(self, Self::Writer(_))
    }
}
