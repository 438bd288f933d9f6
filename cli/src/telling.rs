//! All that a wait tells while it lasts: progress, events, the recording.

use tcss_export::{Event, EventKind, Finished, Report, TranscriptLine, WaitFailure};

use crate::{
    args,
    decision::Decision,
    failure::Failure,
    follow::State,
    output::{Output, Reader},
    progress::Progress,
    recording::Recording,
};

pub(crate) struct Telling<'o> {
    output: &'o Output,
    progress: Progress<'o>,
    with_events: bool,
    recording: Option<Recording>,
}

impl<'o> Telling<'o> {
    /// Creates the file of the recording, if one is asked for.
    pub(crate) fn new(args: &args::Wait, output: &'o Output) -> Result<Self, Failure> {
        let recording = args.record.as_deref().map(|path| Recording::create(path, args.force));
        let recording = recording.transpose()?;
        Ok(Self { output, progress: Progress::new(output), with_events: args.events, recording })
    }

    /// Tells how a wait goes on.
    pub(crate) fn state(&mut self, state: &State) -> Result<Reader, Failure> {
        self.record(&state.lines)?;
        let Some(event) = &state.event else { return Ok(Reader::There) };
        // The end is told when all of it is known.
        let reader = match event.kind {
            EventKind::Ended => Reader::There,
            _ => self.decision(|| Decision::new(event, state.request_id()))?,
        };
        self.progress.show(event);
        Ok(reader)
    }

    pub(crate) fn end(
        mut self,
        lines: &[TranscriptLine],
        outcome: Result<&Finished, &WaitFailure>,
        last: Option<&Event>,
    ) -> Result<(), Failure> {
        self.record(lines)?;
        self.decision(|| Decision::end(outcome, last)).map(drop)
    }

    /// Tells of a wait that is given up where it stands.
    pub(crate) fn given_up(self, report: &Report) -> Result<(), Failure> {
        self.decision(|| Decision::given_up(report)).map(drop)
    }

    fn record(&mut self, lines: &[TranscriptLine]) -> Result<(), Failure> {
        self.recording.as_mut().map_or(Ok(()), |recording| recording.write(lines))
    }

    fn decision(&self, decision: impl FnOnce() -> Decision) -> Result<Reader, Failure> {
        if !self.with_events {
            return Ok(Reader::There);
        }
        self.progress.aside(|| self.output.line(&decision()))
    }
}
