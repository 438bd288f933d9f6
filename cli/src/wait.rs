//! Waits for a job, and reports progress, events and the recording on the way.

mod decision;
mod recording;

use std::mem;

use tcss_export::{
    JobId,
    core::wait::TranscriptLine,
    driver::TransportError,
    error::WaitError,
    hyper::Client,
    wait::{Event, EventKind, Finished, Report},
};
use tokio::select;

pub(crate) use self::{
    decision::{Decision, action, describe, reason},
    recording::Recording,
};
use crate::{
    args,
    error::Result,
    output::{Output, Stdout},
    progress::WaitProgress,
    signals::{Signal, Signals},
};

/// The end of a wait.
pub(crate) enum End {
    Finished(Finished),
    Failed(WaitError),
    /// The reader of the events closed stdout.
    StdoutClosed,
    Stopped(Signal, Box<Report>),
}

/// Follows a job to its end or to the first signal, and leaves no progress on the terminal.
pub(crate) async fn follow(
    client: &Client,
    job: &JobId,
    signals: &mut Signals,
    reporter: &mut Reporter<'_>,
) -> Result<End> {
    let mut wait = client.follow(job.clone());
    wait.record();
    reporter.begin(&wait.take_transcript())?;
    let mut last = None;
    loop {
        let event = select! {
            event = wait.next() => event,
            signal = signals.first() => {
                wait.cancel();
                let report = match wait.outcome().await {
                    Ok(finished) => finished.report,
                    Err(error) => error.report.clone(),
                };
                reporter.decision(|| Decision::cancelled(&report))?;
                return Ok(End::Stopped(signal, report));
            }
        };
        let lines = wait.take_transcript();
        let Some(event) = event else {
            let outcome = wait.outcome().await;
            reporter.record(&lines);
            reporter.decision(|| Decision::end(outcome.as_ref(), last.as_ref()))?;
            return Ok(outcome.map_or_else(End::Failed, End::Finished));
        };
        if reporter.event(&event, &lines, wait.transport())? == Stdout::Closed {
            return Ok(End::StdoutClosed);
        }
        last = Some(event);
    }
}

/// Reports a wait.
pub(crate) struct Reporter<'o> {
    output: &'o Output,
    progress: WaitProgress<'o>,
    with_events: bool,
    /// The error that ended it does not end the wait, whose result is more important.
    recording: Result<Option<Recording>>,
}

impl<'o> Reporter<'o> {
    /// Reports progress only.
    pub(crate) fn new(output: &'o Output) -> Self {
        let progress = WaitProgress::new(output);
        Self { output, progress, with_events: false, recording: Ok(None) }
    }

    /// Reports events and creates the file of the recording if the options say so.
    pub(crate) fn with_options(args: &args::Wait, output: &'o Output) -> Result<Self> {
        let recording = args.record.as_deref().map(|path| Recording::create(path, args.force));
        let recording = Ok(recording.transpose()?);
        Ok(Self { with_events: args.events, recording, ..Self::new(output) })
    }

    /// Records the first lines. Nothing has been sent yet, so an error ends the wait.
    fn begin(&mut self, lines: &[TranscriptLine]) -> Result<()> {
        self.record(lines);
        self.recording = Ok(mem::replace(&mut self.recording, Ok(None))?);
        Ok(())
    }

    /// Reports an event; `cause` is the transport's error.
    fn event(
        &mut self,
        event: &Event,
        lines: &[TranscriptLine],
        cause: Option<&TransportError>,
    ) -> Result<Stdout> {
        self.record(lines);
        let request_id = lines.iter().find_map(|line| match line {
            TranscriptLine::Polled(polled) => polled.request_id(),
            _ => None,
        });
        // The last decision is printed later, with the outcome.
        let stdout = match event.kind {
            EventKind::Ended => Stdout::Open,
            _ => self.decision(|| Decision::new(event, request_id, cause))?,
        };
        self.progress.show(event, describe(event, cause));
        Ok(stdout)
    }

    /// Clears the progress, and returns the error of the recording.
    pub(crate) fn finish(self) -> Result<()> {
        self.recording.map(drop)
    }

    fn record(&mut self, lines: &[TranscriptLine]) {
        if let Ok(Some(recording)) = &mut self.recording
            && let Err(error) = recording.write(lines)
        {
            self.recording = Err(error);
        }
    }

    fn decision(&self, decision: impl FnOnce() -> Decision) -> Result<Stdout> {
        if !self.with_events {
            return Ok(Stdout::Open);
        }
        // `--events` implies `--json`, so the text is not used.
        self.progress.suspend(|| self.output.result(&decision(), String::new))
    }
}
