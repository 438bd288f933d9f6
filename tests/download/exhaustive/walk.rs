//! The walk through the tree of sequences.

use std::{fmt, thread};

use tcss_export::{
    core::{
        Mono,
        download::{Download, Opening, Part, PartMetadata, Step},
    },
    download::{EventKind, Fault, Policy},
    driver::TransportErrorKind,
};

use super::{
    rules::{Moment, RULES},
    told::{Bug, Marks, Told},
};
use crate::{
    server::{File, Play, first_byte},
    trial::{Due, Exchange, Trial, url},
    with::with,
};

/// So few that short sequences reach the bound.
pub(crate) const MAX_FAILURES: u32 = 2;

/// Where the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    File,
    /// What is written cannot be taken back.
    Pipe,
    /// After each exchange the process is killed, and another goes on with what is there.
    KilledFile,
}

/// What is gone through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) marks: Marks,
    pub(crate) target: Target,
    pub(crate) bug: Bug,
}

/// A rule and a sequence that breaks it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) past: Vec<Told>,
    sink: Vec<u8>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken rule: {}\nshortest sequence:", self.rule)?;
        (1..).zip(&self.past).try_for_each(|(n, told)| write!(f, "\n  {n}. {told}"))?;
        write!(f, "\nin the target: {:?}", String::from_utf8_lossy(&self.sink))
    }
}

type Checked<T = ()> = Result<T, Violation>;

impl Search {
    /// Goes through all sequences of up to `longest` exchanges, the shorter ones first; returns
    /// how many there are.
    pub(crate) fn run(self, longest: usize) -> Checked<u64> {
        (1..=longest).try_fold(0, |_, length| self.run_to(length))
    }

    /// Has one thread for each half of the first exchanges.
    fn run_to(self, length: usize) -> Checked<u64> {
        let (told, versions) = (Told::all(), self.marks.versions());
        thread::scope(|scope| {
            let halves = told.chunks(told.len().div_ceil(2)).map(|firsts| {
                let (told, versions) = (&told, &versions);
                let walk = Walk { search: self, told, versions, past: vec![], sequences: 0 };
                scope.spawn(move || walk.sequences(firsts, length))
            });
            let halves: Vec<_> = halves.collect();
            halves.into_iter().map(|half| half.join().expect("no panic")).sum()
        })
    }
}

/// One place in the tree: a download and what stands around it.
#[derive(Clone)]
struct Node {
    trial: Trial,
    /// Which version of the file there is.
    version: usize,
    /// What was kept beside the target, once the target was begun.
    part: Option<PartMetadata>,
    /// Failures since the last byte that was not there before, as the rules count them.
    failures: u32,
    was_broken: bool,
    new_urls: u32,
    furthest: u64,
    serial: u32,
}

struct Walk<'s> {
    search: Search,
    told: &'s [Told],
    versions: &'s [File],
    past: Vec<Told>,
    sequences: u64,
}

impl Walk<'_> {
    fn sequences(mut self, firsts: &[Told], length: usize) -> Checked<u64> {
        let trial = Trial { piece: 2, ..Trial::of(self.download(0)) };
        let root = Node {
            trial,
            version: 0,
            part: None,
            failures: 0,
            was_broken: false,
            new_urls: 0,
            furthest: 0,
            serial: 0,
        };
        for first in firsts {
            self.follow(root.clone(), *first, length)?;
        }
        Ok(self.sequences)
    }

    fn download(&self, serial: u32) -> Download {
        let policy = with(Policy::default(), |p| p.max_failures = MAX_FAILURES);
        let url = url(&format!("https://h.example/a.csv?q-signature=EXAMPLE{serial:04}"));
        let download = Download::new(url, &policy, 7, Mono::default()).expect("a URL");
        match self.search.target {
            Target::Pipe => download.with_new_urls().without_restart(),
            _ => download.with_new_urls(),
        }
    }

    /// Lets one exchange happen, and all that may follow it.
    fn follow(&mut self, mut node: Node, told: Told, length: usize) -> Checked {
        self.sequences += 1;
        self.past.push(told);
        if self.exchange(&mut node, told)? {
            if length > 1 {
                for next in self.told {
                    self.follow(node.clone(), *next, length - 1)?;
                }
            } else {
                self.recover(node)?;
            }
        }
        self.past.pop();
        Ok(())
    }

    /// Lets one exchange happen; tells whether the download has not ended by it.
    fn exchange(&self, node: &mut Node, told: Told) -> Checked<bool> {
        node.version = (node.version + usize::from(told.changes)) % self.versions.len();
        let before = node.trial.sink.clone();
        self.serve(node, told.play, &before);
        let exchange = node.trial.past.pop().expect("just served");
        let has_ended = exchange.event.kind == EventKind::Ended;
        self.check(node, told, &exchange, &before)?;
        if exchange.opening == Some(Opening::StartOver) {
            node.part.clone_from(&node.trial.download.metadata());
        }
        match &exchange.event.kind {
            EventKind::Ended => {}
            EventKind::NeedsUrl { .. } => self.renew(node)?,
            _ if self.search.target == Target::KilledFile => self.kill(node),
            _ => {}
        }
        Ok(!has_ended)
    }

    fn serve(&self, node: &mut Node, play: Play, before: &[u8]) {
        let request = node.trial.start();
        let mut answer = self.versions[node.version].answer(&request, play);
        let asked = first_byte(request.headers()).unwrap_or_default();
        let tag = request.headers().get("if-range").cloned();
        self.search.bug.spoil(asked, tag.as_ref(), &mut answer);
        node.trial.take(request, &answer);
        let exchange = node.trial.past.last().expect("just served");
        let starts_over = exchange.opening == Some(Opening::StartOver);
        if starts_over && self.search.bug == Bug::KeepsOldBytes {
            node.trial.sink.splice(0..0, before.iter().copied());
        }
    }

    /// Checks the rules, and counts as they do.
    fn check(&self, node: &mut Node, told: Told, exchange: &Exchange, before: &[u8]) -> Checked {
        let bytes = node.trial.download.bytes();
        let is_progress = self.has_grown(node, exchange);
        let moment = Moment {
            target: self.search.target,
            versions: self.versions,
            served: &self.versions[node.version],
            told,
            exchange,
            before,
            sink: &node.trial.sink,
            bytes,
            failures: node.failures,
            was_broken: node.was_broken,
            new_urls: node.new_urls,
            is_progress,
            outcome: match node.trial.download.step(Mono::from_origin(node.trial.now)) {
                Step::Done(outcome) => Some(outcome),
                _ => None,
            },
        };
        let has_ended = moment.outcome.is_some();
        let broken = RULES.iter().find(|(_, holds)| !holds(&moment)).map(|(rule, _)| *rule);
        self.require(node, has_ended == (exchange.event.kind == EventKind::Ended), ENDED)?;
        broken.map_or(Ok(()), |rule| self.require(node, false, rule))?;
        node.count(exchange, is_progress);
        Ok(())
    }

    /// Tells whether there were more bytes than ever before, also if they are thrown away again.
    fn has_grown(&self, node: &mut Node, exchange: &Exchange) -> bool {
        let is_file = matches!(exchange.opening, Some(Opening::StartOver | Opening::Append));
        let reached = if is_file { node.trial.sink.len() as u64 } else { 0 };
        let has_grown = reached > node.furthest;
        node.furthest = node.furthest.max(reached);
        has_grown
    }

    fn renew(&self, node: &mut Node) -> Checked {
        node.serial += 1;
        let is_asked = node.trial.rest() == Due::NewUrl;
        self.require(node, is_asked, "a new URL is waited for")?;
        let next = url(&format!("https://h.example/a.csv?q-signature=EXAMPLE{:04}", node.serial));
        let event = node.trial.download.new_url(node.trial.mono(), next);
        self.require(node, event.kind == EventKind::NewUrl, "a new URL is taken")
    }

    /// Lets another process go on with what is there.
    fn kill(&self, node: &mut Node) {
        let mut download = self.download(node.serial);
        let mut sink = Vec::new();
        if let Some(part) = &node.part {
            let mut kept = Part::new(part.clone());
            sink.clone_from(&node.trial.sink);
            sink.truncate(usize::try_from(kept.limit()).unwrap_or(usize::MAX));
            kept.read(&sink);
            download.resume(kept);
        }
        node.furthest = sink.len() as u64;
        node.trial = Trial { sink, piece: node.trial.piece, ..Trial::of(download) };
        (node.failures, node.new_urls, node.was_broken) = (0, 0, false);
    }

    /// Checks that one good answer ends what has not ended: well, where bytes can be taken back.
    fn recover(&mut self, mut node: Node) -> Checked {
        let well = Told { changes: false, play: Play::Well };
        self.past.push(well);
        let goes_on = self.exchange(&mut node, well)?;
        self.require(&node, !goes_on, "a good answer is the end")?;
        let is_good = node.trial.outcome().is_ok() || self.search.target == Target::Pipe;
        self.require(&node, is_good, "a good answer is a good end")?;
        self.past.pop();
        Ok(())
    }

    fn require(&self, node: &Node, holds: bool, rule: &'static str) -> Checked {
        if holds {
            return Ok(());
        }
        Err(Violation { rule, past: self.past.clone(), sink: node.trial.sink.clone() })
    }
}

const ENDED: &str = "an end is told once it is there";

impl Node {
    fn count(&mut self, exchange: &Exchange, is_progress: bool) {
        if is_progress {
            (self.failures, self.new_urls, self.was_broken) = (0, 0, false);
        }
        match &exchange.event.kind {
            EventKind::Retrying { fault, .. } => {
                self.failures += 1;
                self.was_broken = *fault == Fault::Transport(TransportErrorKind::Connection);
            }
            EventKind::NeedsUrl { .. } => self.new_urls += 1,
            _ => {}
        }
    }
}
