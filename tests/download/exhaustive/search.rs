//! The depth-first search through all sequences.

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
    rules::{RULES, Snapshot},
    steps::{Bug, ServerStep, Validators},
};
use crate::{
    run::{Due, Exchange, Run, url},
    server::{File, Reply, first_byte},
    with::with,
};

/// Low enough that short sequences reach it.
pub(crate) const MAX_FAILURES: u32 = 2;
pub(crate) const MAX_NOT_FOUND: u32 = 1;

/// The target of the download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    File,
    /// Written bytes cannot be taken back.
    Pipe,
    /// After each exchange the process is killed, and another resumes its part.
    KilledFile,
}

/// One search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) validators: Validators,
    pub(crate) target: Target,
    pub(crate) bug: Bug,
}

/// A broken rule and the sequence that breaks it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) steps: Vec<ServerStep>,
    sink: Vec<u8>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken rule: {}\nshortest sequence:", self.rule)?;
        (1..).zip(&self.steps).try_for_each(|(n, step)| write!(f, "\n  {n}. {step}"))?;
        write!(f, "\nin the target: {:?}", String::from_utf8_lossy(&self.sink))
    }
}

type Checked<T = ()> = Result<T, Violation>;

impl Search {
    /// Tries all sequences of up to `longest` exchanges, shorter ones first; returns their number.
    pub(crate) fn run(self, longest: usize) -> Checked<u64> {
        (1..=longest).try_fold(0, |_, length| self.run_to(length))
    }

    /// Searches with two threads, each with half of the first steps.
    fn run_to(self, length: usize) -> Checked<u64> {
        let (all, versions) = (ServerStep::all(), self.validators.versions());
        thread::scope(|scope| {
            let halves = all.chunks(all.len().div_ceil(2)).map(|firsts| {
                let (all, versions) = (&all, &versions);
                let branch = Branch { search: self, all, versions, steps: vec![], sequences: 0 };
                scope.spawn(move || branch.search(firsts, length))
            });
            let halves: Vec<_> = halves.collect();
            halves.into_iter().map(|half| half.join().expect("no panic")).sum()
        })
    }
}

/// A download after some steps.
#[derive(Clone)]
struct Node {
    run: Run,
    /// The index of the current version of the file.
    version: usize,
    /// The part metadata on the disk, if any.
    part: Option<PartMetadata>,
    /// Failures since the last new byte.
    failures: u32,
    was_broken: bool,
    not_found: u32,
    new_urls: u32,
    furthest: u64,
    serial: u32,
}

/// The state of the search in one thread.
struct Branch<'s> {
    search: Search,
    all: &'s [ServerStep],
    versions: &'s [File],
    /// The steps to the current node.
    steps: Vec<ServerStep>,
    sequences: u64,
}

impl Branch<'_> {
    fn search(mut self, firsts: &[ServerStep], length: usize) -> Checked<u64> {
        let run = Run { piece: 2, ..Run::of(self.download(0)) };
        let root = Node {
            run,
            version: 0,
            part: None,
            failures: 0,
            was_broken: false,
            not_found: 0,
            new_urls: 0,
            furthest: 0,
            serial: 0,
        };
        for first in firsts {
            self.visit(root.clone(), *first, length)?;
        }
        Ok(self.sequences)
    }

    fn download(&self, serial: u32) -> Download {
        let policy = with(Policy::default(), |p| {
            (p.max_failures, p.max_not_found) = (MAX_FAILURES, MAX_NOT_FOUND);
        });
        let url = url(&format!("https://h.example/a.csv?q-signature=EXAMPLE{serial:04}"));
        let download = Download::new(url, &policy, 7, Mono::default()).expect("a URL");
        match self.search.target {
            Target::Pipe => download.with_new_urls().without_restart(),
            _ => download.with_new_urls(),
        }
    }

    /// Runs one exchange, and every sequence that follows.
    fn visit(&mut self, mut node: Node, step: ServerStep, length: usize) -> Checked {
        self.sequences += 1;
        self.steps.push(step);
        if self.exchange(&mut node, step)? {
            if length > 1 {
                for next in self.all {
                    self.visit(node.clone(), *next, length - 1)?;
                }
            } else {
                self.recover(node)?;
            }
        }
        self.steps.pop();
        Ok(())
    }

    /// Runs one exchange; returns whether the download continues.
    fn exchange(&self, node: &mut Node, step: ServerStep) -> Checked<bool> {
        node.version = (node.version + usize::from(step.changes)) % self.versions.len();
        let before = node.run.sink.clone();
        self.serve(node, step.reply, &before);
        let exchange = node.run.exchanges.pop().expect("just served");
        let has_ended = exchange.event.kind == EventKind::Ended;
        self.check(node, step, &exchange, &before)?;
        if exchange.opening == Some(Opening::StartOver) {
            node.part.clone_from(&node.run.download.metadata());
        }
        match &exchange.event.kind {
            EventKind::Ended => {}
            EventKind::NeedsUrl { .. } => self.renew(node)?,
            _ if self.search.target == Target::KilledFile => self.kill(node),
            _ => {}
        }
        Ok(!has_ended)
    }

    fn serve(&self, node: &mut Node, reply: Reply, before: &[u8]) {
        let request = node.run.start();
        let mut answer = self.versions[node.version].answer(&request, reply);
        let requested = first_byte(request.headers()).unwrap_or_default();
        let tag = request.headers().get("if-range").cloned();
        self.search.bug.apply(requested, tag.as_ref(), &mut answer);
        node.run.process(request, &answer);
        let exchange = node.run.exchanges.last().expect("just served");
        let starts_over = exchange.opening == Some(Opening::StartOver);
        if starts_over && self.search.bug == Bug::KeepsOldBytes {
            node.run.sink.splice(0..0, before.iter().copied());
        }
    }

    /// Checks the rules and updates the counts.
    fn check(
        &self,
        node: &mut Node,
        step: ServerStep,
        exchange: &Exchange,
        before: &[u8],
    ) -> Checked {
        let bytes = node.run.download.bytes();
        let is_progress = self.has_grown(node, exchange);
        let snapshot = Snapshot {
            target: self.search.target,
            versions: self.versions,
            served: &self.versions[node.version],
            step,
            exchange,
            before,
            sink: &node.run.sink,
            bytes,
            failures: node.failures,
            was_broken: node.was_broken,
            not_found: node.not_found,
            new_urls: node.new_urls,
            is_progress,
            outcome: match node.run.download.step(Mono::from_origin(node.run.now)) {
                Step::Done(outcome) => Some(outcome),
                _ => None,
            },
        };
        let has_ended = snapshot.outcome.is_some();
        let broken = RULES.iter().find(|(_, holds)| !holds(&snapshot)).map(|(rule, _)| *rule);
        self.require(node, has_ended == (exchange.event.kind == EventKind::Ended), ENDED)?;
        broken.map_or(Ok(()), |rule| self.require(node, false, rule))?;
        node.count(step, exchange, is_progress);
        Ok(())
    }

    /// Returns whether the target had more bytes than ever before, even if they are discarded again.
    fn has_grown(&self, node: &mut Node, exchange: &Exchange) -> bool {
        let is_file = matches!(exchange.opening, Some(Opening::StartOver | Opening::Append));
        let reached = if is_file { node.run.sink.len() as u64 } else { 0 };
        let has_grown = reached > node.furthest;
        node.furthest = node.furthest.max(reached);
        has_grown
    }

    fn renew(&self, node: &mut Node) -> Checked {
        node.serial += 1;
        let is_requested = node.run.wait_until_due() == Due::NewUrl;
        self.require(node, is_requested, "the download waits for a new URL")?;
        let next = url(&format!("https://h.example/a.csv?q-signature=EXAMPLE{:04}", node.serial));
        let event = node.run.download.new_url(node.run.mono(), next);
        self.require(node, event.kind == EventKind::NewUrl, "a new URL is accepted")
    }

    /// Replaces the download by one of a new process that resumes the part.
    fn kill(&self, node: &mut Node) {
        let mut download = self.download(node.serial);
        let mut sink = Vec::new();
        if let Some(part) = &node.part {
            let mut part = Part::new(part.clone());
            sink.clone_from(&node.run.sink);
            sink.truncate(usize::try_from(part.limit()).unwrap_or(usize::MAX));
            part.read(&sink);
            download.resume(part);
        }
        node.furthest = sink.len() as u64;
        node.run = Run { sink, piece: node.run.piece, ..Run::of(download) };
        (node.failures, node.not_found, node.new_urls) = (0, 0, 0);
        node.was_broken = false;
    }

    /// Checks that one correct answer ends the download: successfully, unless the target is a pipe.
    fn recover(&mut self, mut node: Node) -> Checked {
        let correct = ServerStep { changes: false, reply: Reply::Correct };
        self.steps.push(correct);
        let continues = self.exchange(&mut node, correct)?;
        self.require(&node, !continues, "a correct answer ends the download")?;
        let succeeds = node.run.outcome().is_ok() || self.search.target == Target::Pipe;
        self.require(&node, succeeds, "a correct answer leads to success")?;
        self.steps.pop();
        Ok(())
    }

    fn require(&self, node: &Node, holds: bool, rule: &'static str) -> Checked {
        if holds {
            return Ok(());
        }
        Err(Violation { rule, steps: self.steps.clone(), sink: node.run.sink.clone() })
    }
}

const ENDED: &str = "the event of the end comes when the download has ended";

impl Node {
    fn count(&mut self, step: ServerStep, exchange: &Exchange, is_progress: bool) {
        if is_progress {
            (self.failures, self.not_found, self.new_urls) = (0, 0, 0);
            self.was_broken = false;
        }
        match &exchange.event.kind {
            EventKind::Retrying { .. } if step.reply == Reply::Gone => self.not_found += 1,
            EventKind::Retrying { fault, .. } => {
                self.failures += 1;
                self.was_broken = *fault == Fault::Transport(TransportErrorKind::Connection);
            }
            EventKind::NeedsUrl { .. } => self.new_urls += 1,
            _ => {}
        }
    }
}
