//! Runs a download as a driver does, in virtual time and with a target in memory, and checks it.

use std::time::Duration;

use http::Request;
use tcss_export::{
    DownloadUrl,
    core::{
        ClockOffset, Mono, Now, Wall,
        download::{Download, Opening, Outcome, Received, Step},
    },
    download::{ErrorKind, Event, EventKind, Fault, Policy},
    driver::TransportErrorKind,
};

use crate::server::{Answer, End, File, Reply, crc64, digits};

pub(crate) const URL: &str = "https://h.example/a.csv?q-signature=EXAMPLE0001";

/// 2023-11-14T16:30:00Z, the start of each run.
pub(crate) const TIME: i64 = 1_699_979_400;

/// The time until the head of an answer arrives.
const HEAD_DELAY: Duration = Duration::from_millis(40);

/// One finished exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request<()>,
    /// `None` if no head arrived.
    pub(crate) opening: Option<Opening>,
    pub(crate) event: Event,
}

/// What the download needs next, once no pause is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Request,
    NewUrl,
    Nothing,
}

/// A download with a virtual clock and a target in memory.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) download: Download,
    /// The target: the bytes written and not taken back.
    pub(crate) sink: Vec<u8>,
    pub(crate) now: Duration,
    /// The length of each piece of a body.
    pub(crate) piece: usize,
    /// The time that each piece takes.
    pub(crate) pause: Duration,
    pub(crate) exchanges: Vec<Exchange>,
}

pub(crate) fn url(text: &str) -> DownloadUrl {
    DownloadUrl::new(text).expect("not empty")
}

pub(crate) fn download(policy: &Policy) -> Download {
    Download::new(url(URL), policy, 7, Mono::default()).expect("a URL")
}

/// Starts a run from this URL.
pub(crate) fn run_from(text: &str) -> Run {
    Run::of(download_from(text))
}

pub(crate) fn download_from(text: &str) -> Download {
    Download::new(url(text), &Policy::default(), 7, Mono::default()).expect("a URL")
}

/// Starts a run with the default policy.
pub(crate) fn run() -> Run {
    Run::new(&Policy::default())
}

/// Starts a run that was cut after the first three digits.
pub(crate) fn cut_after_3() -> Run {
    let mut run = run();
    run.serve(&digits(), Reply::Cut(3));
    run
}

impl Run {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self::of(download(policy))
    }

    pub(crate) fn of(download: Download) -> Self {
        Self {
            download,
            sink: vec![],
            now: Duration::ZERO,
            piece: 4,
            pause: Duration::ZERO,
            exchanges: vec![],
        }
    }

    pub(crate) fn mono(&self) -> Mono {
        Mono::from_origin(self.now)
    }

    pub(crate) fn now(&self) -> Now {
        let millis = i64::try_from(self.now.as_millis()).expect("a short time");
        Now { wall: Wall::from_unix_millis(TIME * 1_000 + millis), mono: self.mono() }
    }

    /// Moves the clock past the pause, if any, and returns what is due.
    pub(crate) fn wait_until_due(&mut self) -> Due {
        loop {
            match self.download.step(Mono::from_origin(self.now)) {
                Step::WaitUntil(moment) => {
                    assert!(moment.since_origin() > self.now, "a pause ends in the future");
                    self.now = moment.since_origin();
                }
                Step::Request => return Due::Request,
                Step::NewUrl => return Due::NewUrl,
                Step::Done(_) => return Due::Nothing,
            }
        }
    }

    /// Starts the request that is due.
    pub(crate) fn start(&mut self) -> Request<()> {
        assert_eq!(self.wait_until_due(), Due::Request);
        self.download.start(self.now(), ClockOffset::default()).expect("it is due")
    }

    /// Sends the next request to a server of this file.
    pub(crate) fn serve(&mut self, file: &File, reply: Reply) -> &Event {
        let request = self.start();
        let answer = file.answer(&request, reply);
        self.process(request, &answer)
    }

    /// Answers the next request, whatever it asks for.
    pub(crate) fn answer(&mut self, answer: &Answer) -> &Event {
        let request = self.start();
        self.process(request, answer)
    }

    /// Sends one request for each of these replies.
    pub(crate) fn serve_all(&mut self, file: &File, replies: &[Reply]) {
        for reply in replies {
            self.serve(file, *reply);
        }
    }

    /// Passes an answer to the download.
    pub(crate) fn process(&mut self, request: Request<()>, answer: &Answer) -> &Event {
        self.now += HEAD_DELAY;
        let opening = answer.head.as_ref().map(|head| self.download.head(self.mono(), head));
        if opening == Some(Opening::StartOver) {
            self.sink.clear();
        }
        let is_dropped = opening == Some(Opening::Drop);
        let end = if is_dropped { End::Complete } else { self.receive_body(answer) };
        let event = self.ended(end);
        self.exchanges.push(Exchange { request, opening, event });
        &self.exchanges.last().expect("just added").event
    }

    /// Passes the body on; returns how it ends.
    fn receive_body(&mut self, answer: &Answer) -> End {
        for piece in answer.body.chunks(self.piece) {
            self.now += self.pause;
            let deadline = self.download.deadline();
            match self.download.body(Mono::from_origin(self.now), piece) {
                Received::Write(bytes) => {
                    assert!(
                        deadline.is_none_or(|deadline| self.mono() < deadline),
                        "a byte was accepted after its deadline"
                    );
                    self.sink.extend_from_slice(bytes);
                }
                Received::Nothing => {}
                Received::Drop => return End::Complete,
            }
        }
        answer.end
    }

    fn ended(&mut self, end: End) -> Event {
        let end = match end {
            End::Complete => Ok(()),
            End::Broken(fault) => Err(fault),
            End::Hang => {
                self.now = self.download.limit().since_origin();
                Err(TransportErrorKind::Timeout)
            }
        };
        self.download.ended(self.mono(), end)
    }

    /// Returns the kind of its error.
    #[track_caller]
    pub(crate) fn kind(&mut self) -> ErrorKind {
        self.outcome().expect_err("no file").kind
    }

    #[track_caller]
    pub(crate) fn outcome(&mut self) -> Outcome {
        match self.download.step(Mono::from_origin(self.now)) {
            Step::Done(outcome) => outcome.clone(),
            step => panic!("expected the end, got {step:?}"),
        }
    }
}

#[track_caller]
pub(crate) fn assert_retries(run: &Run, expected: &Fault) {
    let event = &run.exchanges.last().unwrap().event;
    let EventKind::Retrying { fault, .. } = &event.kind else { panic!("{event:?}") };
    assert_eq!(fault, expected);
}

/// Checks that the download has discarded its bytes and gets the whole file in its next exchange.
#[track_caller]
pub(crate) fn assert_starts_over(run: &mut Run, file: &File, fault: &Fault) {
    assert_retries(run, fault);
    assert_eq!(run.download.bytes(), 0);
    run.serve(file, Reply::Correct);
    let last = run.exchanges.last().unwrap();
    assert_eq!(last.request.headers().get("range"), None);
    assert_eq!(last.opening, Some(Opening::StartOver));
    assert_complete(run, file);
}

#[track_caller]
pub(crate) fn assert_complete(run: &mut Run, file: &File) {
    let downloaded = run.outcome().unwrap();
    assert_eq!(run.sink, file.bytes);
    assert_eq!(downloaded.bytes, file.bytes.len() as u64);
    assert_eq!(downloaded.crc64, crc64(&file.bytes));
    assert_eq!(downloaded.verified, file.names_crc);
}
