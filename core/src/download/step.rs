use super::outcome::Outcome;
use crate::time::Mono;

/// What to do next.
#[derive(Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum Step<'d> {
    /// Nothing until this moment, or until more of the answer under way is there.
    WaitUntil(Mono),
    /// A request is due: [`Download::start`](super::Download::start).
    Request,
    /// The URL has expired or was refused: poll the job once more and hand its URL to
    /// [`Download::new_url`](super::Download::new_url), or say that there is
    /// [none](super::Download::no_new_url).
    NewUrl,
    /// The download has ended; [`Download::finish`](super::Download::finish) gives the outcome
    /// away.
    Done(&'d Outcome),
}

/// What an answer's head means for the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum Opening {
    /// The body is the file from its first byte on: throw away what is there, and keep the new
    /// [`Download::note`](super::Download::note) beside what comes.
    StartOver,
    /// The body goes on behind what is there.
    Append,
    /// The body is no part of the file; it is to be read all the same.
    Read,
    /// The body is not needed: drop the answer, then
    /// [`Download::ended`](super::Download::ended).
    Drop,
}

/// What to do with a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum Received<'b> {
    /// Write these bytes behind what is there.
    Write(&'b [u8]),
    /// Write nothing and read on.
    Nothing,
    /// No more of this answer is needed: drop it, then
    /// [`Download::ended`](super::Download::ended).
    Drop,
}
