use std::{fmt, time::Duration};

use crate::answers::{Pace, Told};

/// One request of a sequence, as it went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) told: Told,
    pub(crate) started: Duration,
    /// When the waiter took note of what came, or of the exchange's limit.
    pub(crate) answered: Duration,
    /// From then to the next thing to do; none if that was the end.
    pub(crate) pause: Option<Duration>,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: Duration| duration.as_secs_f64();
        let (started, answered) = (seconds(self.started), seconds(self.answered));
        write!(f, "started at {started:.3} s, at {answered:.3} s {}", self.told.kind)?;
        match self.pause {
            Some(pause) => write!(f, ", next poll after {:.3} s", seconds(pause))?,
            None => f.write_str(", no next poll")?,
        }
        match self.told.pace {
            Pace::Prompt => Ok(()),
            Pace::Slow => write!(f, ", asked for {:.1} s late", seconds(Pace::Slow.late())),
        }
    }
}
