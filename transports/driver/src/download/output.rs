use super::{part_file::PartFile, target::Target};

/// Where the bytes go: to a target, from a certain point on its part, or to a writer.
#[derive(Debug)]
pub(crate) enum Output<W> {
    Target(Target),
    Part(PartFile),
    Writer(W),
    /// A call has it, or had it when it was dropped.
    Taken,
    /// It is in its place, or was thrown away.
    Closed,
}

impl<W> Output<W> {
    pub(crate) const fn can_restart(&self) -> bool {
        !matches!(self, Self::Writer(_))
    }
}
