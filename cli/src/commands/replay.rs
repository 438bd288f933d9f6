mod lines;
mod shown;

use tcss_export::{Replay, ReplayError};

use self::{lines::Lines, shown::Shown};
use crate::{
    args,
    ending::Ending,
    failure::Failure,
    terminal::output::{Output, Reader},
};

pub(super) fn run(args: &args::Replay, output: &Output) -> Result<Ending, Failure> {
    let mut lines = Lines::open(&args.file)?;
    let Some(first) = lines.next()? else { return Err(lines.odd("the file is empty")) };
    let mut replay = Replay::begin(first).map_err(|error| lines.odd(&error.to_string()))?;
    let mut shown = Shown::new(output)?;
    while let Some(line) = lines.next()? {
        match replay.next(line.clone()) {
            Ok(event) => {
                if shown.decision(lines.number(), &line, event.as_ref())? == Reader::Gone {
                    return Ok(Ending::Done);
                }
            }
            Err(error @ ReplayError::NotBegun) => return Err(lines.odd(&error.to_string())),
            Err(error) => return shown.differs(lines.number(), &error),
        }
    }
    shown.finish(lines.number())
}
