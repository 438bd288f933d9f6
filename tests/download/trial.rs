//! A download and what stands around it: a target, clocks, and the loop of a driver.

use std::time::Duration;

use http::Request;
use tcss_export::{
    DownloadUrl,
    core::{
        ClockOffset, Mono, Now, Wall,
        download::{Download, Opening, Outcome, Received, Step},
    },
    download::{ErrorKind, Event, Policy},
    driver::TransportErrorKind,
};

use crate::server::{Answer, End, File, Play, digits};

pub(crate) const URL: &str = "https://h.example/a.csv?q-signature=EXAMPLE0001";

/// 2023-11-14T16:30:00Z, when each trial begins.
pub(crate) const TIME: i64 = 1_699_979_400;

/// How long it takes until an answer's head is there.
const TOOK: Duration = Duration::from_millis(40);

/// One exchange, as it went.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request<()>,
    /// None if no head came.
    pub(crate) opening: Option<Opening>,
    pub(crate) event: Event,
}

/// What is to be done when there is nothing left to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Request,
    NewUrl,
    Nothing,
}

#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) download: Download,
    /// The target: what the download has written, and not taken back.
    pub(crate) sink: Vec<u8>,
    pub(crate) now: Duration,
    /// How many bytes come at a time.
    pub(crate) piece: usize,
    /// How long each of these takes.
    pub(crate) pause: Duration,
    pub(crate) past: Vec<Exchange>,
}

pub(crate) fn url(text: &str) -> DownloadUrl {
    DownloadUrl::new(text).expect("not empty")
}

pub(crate) fn download(policy: &Policy) -> Download {
    Download::new(url(URL), policy, 7, Mono::default()).expect("a URL")
}

/// Begins a trial by the default policy.
pub(crate) fn trial() -> Trial {
    Trial::new(&Policy::default())
}

/// Begins a trial that has the first three of the digits.
pub(crate) fn cut() -> Trial {
    let mut trial = trial();
    trial.serve(&digits(), Play::Cut(3));
    trial
}

impl Trial {
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
            past: vec![],
        }
    }

    pub(crate) fn mono(&self) -> Mono {
        Mono::from_origin(self.now)
    }

    pub(crate) fn now(&self) -> Now {
        let millis = i64::try_from(self.now.as_millis()).expect("a short time");
        Now { wall: Wall::from_unix_millis(TIME * 1_000 + millis), mono: self.mono() }
    }

    /// Lets the pause pass, if there is one.
    pub(crate) fn rest(&mut self) -> Due {
        loop {
            match self.download.step(Mono::from_origin(self.now)) {
                Step::WaitUntil(moment) => {
                    assert!(moment.since_origin() > self.now, "a pause ends after its beginning");
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
        assert_eq!(self.rest(), Due::Request);
        self.download.start(self.now(), ClockOffset::default()).expect("it is due")
    }

    /// Has the next request answered by a server.
    pub(crate) fn serve(&mut self, file: &File, play: Play) -> &Event {
        let request = self.start();
        let answer = file.answer(&request, play);
        self.take(request, &answer)
    }

    /// Has the next request answered so, whatever it asks for.
    pub(crate) fn answer(&mut self, answer: &Answer) -> &Event {
        let request = self.start();
        self.take(request, answer)
    }

    /// Has the next requests answered one after the other.
    pub(crate) fn play(&mut self, file: &File, plays: &[Play]) {
        for play in plays {
            self.serve(file, *play);
        }
    }

    pub(crate) fn take(&mut self, request: Request<()>, answer: &Answer) -> &Event {
        self.now += TOOK;
        let opening = answer.head.as_ref().map(|head| self.download.head(self.mono(), head));
        let end = if opening == Some(Opening::StartOver) {
            self.sink.clear();
            self.receive(answer)
        } else if opening == Some(Opening::Drop) {
            End::Well
        } else {
            self.receive(answer)
        };
        let event = self.ended(end);
        self.past.push(Exchange { request, opening, event });
        &self.past.last().expect("just added").event
    }

    /// Takes the body; returns how it ends, or that it was dropped.
    fn receive(&mut self, answer: &Answer) -> End {
        for piece in answer.body.chunks(self.piece) {
            self.now += self.pause;
            let deadline = self.download.deadline();
            match self.download.body(Mono::from_origin(self.now), piece) {
                Received::Write(bytes) => {
                    assert!(deadline.is_none_or(|deadline| self.mono() < deadline), "in time");
                    self.sink.extend_from_slice(bytes);
                }
                Received::Nothing => {}
                Received::Drop => return End::Well,
            }
        }
        answer.end
    }

    fn ended(&mut self, end: End) -> Event {
        let end = match end {
            End::Well => Ok(()),
            End::Broken(fault) => Err(fault),
            End::Silence => {
                self.now = self.download.limit().since_origin();
                Err(TransportErrorKind::Timeout)
            }
        };
        self.download.ended(self.mono(), end)
    }

    /// Returns why it has ended without a file.
    #[track_caller]
    pub(crate) fn kind(&mut self) -> ErrorKind {
        self.outcome().expect_err("no file").kind
    }

    /// Returns how it has ended.
    #[track_caller]
    pub(crate) fn outcome(&mut self) -> Outcome {
        match self.download.step(Mono::from_origin(self.now)) {
            Step::Done(outcome) => outcome.clone(),
            step => panic!("not at its end, but {step:?}"),
        }
    }
}
