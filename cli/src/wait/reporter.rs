//! All that a wait tells while it lasts: progress, events, the recording.

use tcss_export::{Event, EventKind, Finished, Report, TranscriptLine, WaitFailure};

use super::{decision::Decision, progress::Progress, recording::Recording, thread::State};
use crate::{
    args,
    failure::Failure,
    terminal::output::{Output, Reader},
};

pub(crate) struct Reporter<'o> {
    output: &'o Output,
    progress: Progress<'o>,
    with_events: bool,
    recording: Option<Recording>,
    /// Why the recording has ended early. The wait goes on: its result counts for more.
    recording_failure: Option<Failure>,
}

impl<'o> Reporter<'o> {
    /// Tells the progress alone.
    pub(crate) fn new(output: &'o Output) -> Self {
        let progress = Progress::new(output);
        Self { output, progress, with_events: false, recording: None, recording_failure: None }
    }

    /// Creates the file of the recording, if one is asked for.
    pub(crate) fn of(args: &args::Wait, output: &'o Output) -> Result<Self, Failure> {
        let recording = args.record.as_deref().map(|path| Recording::create(path, args.force));
        let recording = recording.transpose()?;
        Ok(Self { with_events: args.events, recording, ..Self::new(output) })
    }

    /// Tells how a wait goes on.
    pub(crate) fn state(&mut self, state: &State) -> Result<Reader, Failure> {
        self.record(&state.lines);
        let Some(event) = &state.event else {
            // Nothing has been sent yet, so nothing is lost by ending here.
            return self.recording_failure.take().map_or(Ok(Reader::There), Err);
        };
        // The end is told when all of it is known.
        let reader = match event.kind {
            EventKind::Ended => Reader::There,
            _ => self.decision(|| Decision::new(event, state.request_id()))?,
        };
        self.progress.show(event);
        Ok(reader)
    }

    pub(crate) fn end(
        &mut self,
        lines: &[TranscriptLine],
        outcome: Result<&Finished, &WaitFailure>,
        last: Option<&Event>,
    ) -> Result<(), Failure> {
        self.record(lines);
        self.decision(|| Decision::end(outcome, last)).map(drop)
    }

    /// Tells of a wait that is given up where it stands.
    pub(crate) fn given_up(&self, report: &Report) -> Result<(), Failure> {
        self.decision(|| Decision::given_up(report)).map(drop)
    }

    /// Clears the progress; what is told from here on is the result.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.recording_failure.map_or(Ok(()), Err)
    }

    fn record(&mut self, lines: &[TranscriptLine]) {
        let written = self.recording.as_mut().map_or(Ok(()), |recording| recording.write(lines));
        if let Err(failure) = written {
            self.recording = None;
            self.recording_failure = Some(failure);
        }
    }

    fn decision(&self, decision: impl FnOnce() -> Decision) -> Result<Reader, Failure> {
        if !self.with_events {
            return Ok(Reader::There);
        }
        self.progress.aside(|| self.output.line(&decision()))
    }
}
