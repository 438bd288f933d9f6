//! Downloads a file and reports progress on the way.

use std::{
    io::{self, Write as _},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, io::AsyncWrite};
use tcss_export::{
    Source, Target,
    core::text::brief,
    download::{Downloaded, Event, EventKind, Fault},
    driver::{Download, TransportError, Worker},
    error::{BuildError, DownloadError},
    hyper::{Client, Hyper},
};
use tokio::{select, time::timeout};

use crate::{
    progress::DownloadProgress,
    secrets::masked,
    signals::{Signal, Signals},
    text::{amount, delay, with_sources},
};

/// How long a signal waits for the work on the file, so that the file can be closed.
const LAST_STEP: Duration = Duration::from_millis(300);

/// A download that was not stopped.
pub(crate) struct Fetched {
    pub(crate) outcome: Result<Downloaded, DownloadError>,
    /// How often the job was polled for a new URL.
    pub(crate) polls: u32,
    /// Whether the file contains bytes from before an interruption.
    pub(crate) resumed: bool,
}

/// Downloads to a target, or to stdout without one, until the end or the first signal; then it
/// returns the signal.
///
/// # Errors
///
/// A URL that cannot be used; nothing was sent.
pub(crate) async fn fetch(
    client: &Client,
    source: Source,
    target: Option<Target>,
    signals: &mut Signals,
    progress: DownloadProgress<'_>,
) -> Result<Result<Fetched, Signal>, BuildError> {
    Ok(match target {
        Some(target) => drain(client.download(source, target)?, signals, progress).await,
        None => {
            let download = client.download_into(source, AsyncStdout::default())?;
            drain(download, signals, progress).await
        }
    })
}

async fn drain<W: AsyncWrite + Unpin>(
    mut download: Download<Hyper, W>,
    signals: &mut Signals,
    mut progress: DownloadProgress<'_>,
) -> Result<Fetched, Signal> {
    let mut texts = EventTexts::default();
    loop {
        let (event, signal) = {
            let mut next = pin!(download.next());
            select! {
                event = &mut next => (event, None),
                signal = signals.first() => match timeout(LAST_STEP, next).await {
                    Ok(event) => (event, Some(signal)),
                    Err(_) => return Err(signal),
                },
            }
        };
        match (event, signal) {
            (event, Some(signal)) => return stop(signal, event, download, &texts).await,
            (Some(event), None) => {
                let text = texts.describe(&event, download.transport());
                progress.show(&event, text);
            }
            (None, None) => return Ok(finish(download, &texts).await),
        }
    }
}

/// Ends a download after a signal and one more event. If that was the end, and the file is
/// complete, the signal came too late.
async fn stop<W: AsyncWrite + Unpin>(
    signal: Signal,
    last: Option<Event>,
    download: Download<Hyper, W>,
    texts: &EventTexts,
) -> Result<Fetched, Signal> {
    if last.is_some_and(|event| event.kind != EventKind::Ended) {
        return Err(signal);
    }
    let fetched = finish(download, texts).await;
    if fetched.outcome.is_ok() { Ok(fetched) } else { Err(signal) }
}

async fn finish<W: AsyncWrite + Unpin>(
    download: Download<Hyper, W>,
    texts: &EventTexts,
) -> Fetched {
    let (polls, resumed) = (download.polls(), texts.has_resumed);
    Fetched { outcome: download.outcome().await, polls, resumed }
}

/// Stdout as an async writer. It writes on a thread, so that a full pipe does not block the
/// signals.
#[derive(Default)]
struct AsyncStdout {
    worker: Option<Worker>,
    write: Option<Write>,
}

type Write = Pin<Box<dyn Future<Output = io::Result<usize>> + Send>>;

impl AsyncStdout {
    /// Starts a write. The first write starts the thread.
    fn start(&mut self, bytes: &[u8]) -> io::Result<Write> {
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start()?,
        };
        let bytes = bytes.to_vec();
        let write = self.worker.insert(worker).run(move || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&bytes)?;
            stdout.flush()?;
            Ok(bytes.len())
        });
        Ok(Box::pin(write.map(Result::flatten)))
    }
}

impl AsyncWrite for AsyncStdout {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut write = match self.write.take() {
            Some(write) => write,
            None => self.start(bytes)?,
        };
        let written = write.as_mut().poll(context);
        if written.is_pending() {
            self.write = Some(write);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Describes the interruptions of a download, and how it continues.
#[derive(Default)]
pub(crate) struct EventTexts {
    /// The bytes in the file at the last event.
    bytes: Option<u64>,
    /// The body of an answer is arriving.
    is_receiving: bool,
    /// Bytes of the file were discarded.
    starts_over: bool,
    /// The file contains bytes from before an interruption.
    pub(crate) has_resumed: bool,
}

impl EventTexts {
    /// Returns a text for an event that is more than new bytes; `cause` is the transport's error.
    pub(crate) fn describe(
        &mut self,
        event: &Event,
        cause: Option<&TransportError>,
    ) -> Option<String> {
        let before = self.bytes.replace(event.bytes).unwrap_or(event.bytes);
        self.starts_over |= event.bytes < before;
        if event.kind != EventKind::Receiving {
            self.is_receiving = false;
            return text_of(event, cause);
        }
        // The body of an error adds nothing to the file.
        if event.bytes <= before || self.is_receiving {
            return None;
        }
        self.is_receiving = true;
        if mem::take(&mut self.starts_over) {
            self.has_resumed = false;
            return Some("starting again from the first byte".to_owned());
        }
        if before == 0 {
            return None;
        }
        self.has_resumed = true;
        Some(format!("resuming after {}", amount(before, event.total)))
    }
}

fn text_of(event: &Event, cause: Option<&TransportError>) -> Option<String> {
    let text = match &event.kind {
        EventKind::Continuing => "the answer was shorter than requested; retrying at once".into(),
        EventKind::Retrying { fault, delay: pause } => {
            let fault = match (fault, cause) {
                (Fault::Transport(_), Some(cause)) => with_sources(cause),
                _ => fault.to_string(),
            };
            format!("{}; retrying {}", masked(&fault), delay(*pause))
        }
        EventKind::NeedsUrl { refusal: Some(refusal) } => {
            format!("{}; a new URL is needed", masked(&refusal.to_string()))
        }
        EventKind::NeedsUrl { refusal: None } => "the URL has expired; a new one is needed".into(),
        EventKind::NewUrl => "the job gave a new URL".to_owned(),
        _ => return None,
    };
    Some(brief(&text).to_string())
}

#[cfg(test)]
mod tests {
    use futures_util::io::sink;
    use tcss_export::{Credentials, DownloadUrl, Session};
    use tcss_export_testkit::{ServedFile, Service};

    use super::*;

    #[tokio::test]
    async fn a_complete_file_is_the_result_despite_a_signal() {
        let file = ServedFile::bytes("f", b"123456789".to_vec());
        let script = "SUCCESS".parse().expect("a script");
        let service = Service::builder().script(script).file(file).start().expect("a service");
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("made up");
        let endpoint = service.url().parse().expect("an endpoint");
        let client = Client::new(Session::new(endpoint), credentials);
        let url = DownloadUrl::new(service.file_url().expect("a file")).expect("a URL");
        let texts = EventTexts::default();

        let mut early = client.download_into(url.clone(), sink()).expect("a download");
        let first = early.next().await;
        assert!(first.as_ref().is_some_and(|event| event.kind != EventKind::Ended));
        let end = stop(Signal::Interrupt, first, early, &texts).await;
        assert!(matches!(end, Err(Signal::Interrupt)));

        let mut late = client.download_into(url, sink()).expect("a download");
        let mut last = late.next().await;
        while last.as_ref().is_some_and(|event| event.kind != EventKind::Ended) {
            last = late.next().await;
        }
        let fetched = stop(Signal::Interrupt, last, late, &texts).await;
        let fetched = fetched.expect("it was complete");
        assert_eq!(fetched.outcome.expect("a file").bytes, 9);
    }
}
