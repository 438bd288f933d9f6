//! Any order of faults, any cut, any pieces, any changes of the file: a download comes to its end,
//! with the bytes of one version of the file or a typed error.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};
use tcss_export::{
    core::{
        Mono,
        download::{Download, Opening, Outcome, Part, PartMetadata},
    },
    download::{ErrorKind, Policy},
    driver::TransportErrorKind,
};

use crate::{
    server::{File, Play, crc64},
    trial::{Due, Trial, URL, download, url},
    with::with,
};

/// What a server names of its file.
#[derive(Clone, Copy, Debug)]
struct Marks {
    tag: Tag,
    names_crc: bool,
}

#[derive(Clone, Copy, Debug)]
enum Tag {
    Strong,
    Weak,
    None,
}

impl Marks {
    /// Returns one version of the file; no two of them have one tag.
    fn file(self, bytes: &[u8], serial: usize) -> File {
        let file = File { names_crc: self.names_crc, ..File::new(bytes.to_vec()) };
        match self.tag {
            Tag::Strong => file.with_etag(&format!("\"v{serial}\"")),
            Tag::Weak => file.with_etag(&format!("W/\"v{serial}\"")),
            Tag::None => file.without_etag(),
        }
    }
}

/// One exchange: what the file has become before it, if it changes, and how it is answered.
type Told = (Option<Vec<u8>>, Play);

const LONGEST: usize = 40;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Two values, so that versions have long beginnings in common.
    vec(prop_oneof![9 => Just(b'a'), 1 => Just(b'b')], 0..LONGEST)
}

fn marks() -> impl Strategy<Value = Marks> {
    let tag = prop_oneof![3 => Just(Tag::Strong), 1 => Just(Tag::Weak), 1 => Just(Tag::None)];
    (tag, any::<bool>()).prop_map(|(tag, names_crc)| Marks { tag, names_crc })
}

/// All that may pass.
fn passing() -> impl Strategy<Value = Play> {
    prop_oneof![
        8 => (0..LONGEST).prop_map(Play::Cut),
        4 => (0..LONGEST).prop_map(Play::ChunkedCut),
        2 => (0..LONGEST).prop_map(Play::Stall),
        4 => (1..LONGEST).prop_map(Play::Less),
        2 => (1..LONGEST).prop_map(Play::LessOfUnknown),
        1 => Just(Play::Unsent(TransportErrorKind::Connection)),
        1 => Just(Play::Unsent(TransportErrorKind::Timeout)),
        1 => Just(Play::Silence),
        1 => Just(Play::Beyond),
        1 => Just(Play::Whole),
        2 => Just(Play::AnyFile),
        1 => Just(Play::Elsewhere),
        1 => Just(Play::Expired),
        1 => Just(Play::Status(500)),
        1 => Just(Play::Status(503)),
    ]
}

fn any_play() -> impl Strategy<Value = Play> {
    let others = vec![
        Play::Unsatisfied,
        Play::AnyUnsatisfied,
        Play::RangeAsWhole,
        Play::WrongCrc,
        Play::Gzip,
        Play::Redirect,
        Play::Denied,
        Play::Gone,
    ];
    let good = vec![Play::Well, Play::Chunked, Play::Endless];
    prop_oneof![
        20 => passing(),
        1 => select(others),
        1 => select(good),
    ]
}

fn exchanges(play: impl Strategy<Value = Play>) -> impl Strategy<Value = Vec<Told>> {
    vec((option::weighted(0.3, bytes()), play), 0..24)
}

/// A server and a download of its file.
struct World {
    marks: Marks,
    file: File,
    serial: usize,
    trial: Trial,
}

impl World {
    fn new(marks: Marks, first: &[u8], trial: Trial) -> Self {
        Self { marks, file: marks.file(first, 0), serial: 0, trial }
    }

    /// Lets one exchange happen; tells whether the download had not ended before.
    fn exchange(&mut self, (change, play): &Told) -> bool {
        if self.trial.rest() == Due::NewUrl {
            self.serial += 1;
            let text = format!("https://h.example/a.csv?q-signature=EXAMPLE1{:03}", self.serial);
            self.trial.download.new_url(self.trial.mono(), url(&text));
        }
        if self.trial.rest() == Due::Nothing {
            return false;
        }
        if let Some(bytes) = change {
            self.serial += 1;
            self.file = self.marks.file(bytes, self.serial);
        }
        self.trial.serve(&self.file, *play);
        true
    }

    /// Answers well until the download has ended; fails if it goes on for ever.
    fn recover(&mut self) -> Outcome {
        for _ in 0..=Policy::MAX_FAILURES {
            if !self.exchange(&(None, Play::Well)) {
                break;
            }
        }
        assert_eq!(self.trial.rest(), Due::Nothing, "it comes to an end");
        self.trial.outcome()
    }

    /// Checks the end against the version of the file that was served last.
    fn assert_right(&self, outcome: &Outcome) {
        let Ok(downloaded) = outcome else { return };
        assert_eq!(self.trial.sink, self.file.bytes);
        assert_eq!(downloaded.bytes, self.file.bytes.len() as u64);
        assert_eq!(downloaded.crc64, crc64(&self.file.bytes));
        assert_eq!(downloaded.verified, self.marks.names_crc);
    }
}

const CASES: u32 = if cfg!(debug_assertions) { 300 } else { 10_000 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_download_ends_in_the_bytes_of_one_version_or_a_typed_error(
        marks in marks(),
        first in bytes(),
        exchanges in exchanges(any_play()),
        piece in 1..LONGEST,
        is_pipe: bool,
    ) {
        let download = download(&Policy::default()).with_new_urls();
        let download = if is_pipe { download.without_restart() } else { download };
        let mut world = World::new(marks, &first, Trial { piece, ..Trial::of(download) });
        for told in &exchanges {
            if !world.exchange(told) {
                break;
            }
        }
        let outcome = world.recover();
        world.assert_right(&outcome);
        let report = match &outcome {
            Ok(downloaded) => &downloaded.report,
            Err(error) => &error.report,
        };
        prop_assert_eq!(report.requests as usize, world.trial.past.len());
    }

    /// The trial fails if a byte is taken later.
    #[test]
    fn a_download_ends_at_its_limit_however_slowly_bytes_come(
        marks in marks(), exchanges in exchanges(passing()), seconds in (1..100_u64, 0..40_u64),
    ) {
        let (limit, pause) = (Duration::from_secs(seconds.0), Duration::from_secs(seconds.1));
        let policy = with(Policy::default(), |p| { p.max_failures = u32::MAX; p.total_limit = Some(limit); });
        let trial = Trial { piece: 1, pause, ..Trial::new(&policy) };
        let mut world = World::new(marks, b"a file", trial);
        for told in &exchanges {
            world.exchange(told);
        }
        world.trial.now = world.trial.now.max(limit);
        prop_assert_eq!(world.trial.rest(), Due::Nothing);
        let outcome = world.trial.outcome();
        world.assert_right(&outcome);
    }

    /// Whatever may pass, and it passed.
    #[test]
    fn what_may_pass_never_ends_a_patient_download(
        marks in marks(), first in bytes(), exchanges in exchanges(passing()), piece in 1..LONGEST,
    ) {
        let policy =
            with(Policy::default(), |p| { p.max_failures = u32::MAX; p.max_new_urls = u32::MAX; });
        let trial = Trial { piece, ..Trial::of(download(&policy).with_new_urls()) };
        let mut world = World::new(marks, &first, trial);
        for told in &exchanges {
            world.exchange(told);
        }
        let outcome = world.recover();
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        world.assert_right(&outcome);
    }

    /// Each exchange is of a process of its own, and the last bytes may not have come to the disk.
    #[test]
    fn what_a_killed_process_leaves_never_leads_to_wrong_bytes(
        marks in marks(),
        first in bytes(),
        exchanges in vec((option::weighted(0.3, bytes()), passing(), 0..4_usize), 0..24),
        piece in 1..LONGEST,
    ) {
        let mut world = World::new(marks, &first, Trial::of(download(&Policy::default())));
        let mut part = None;
        for (change, play, lost) in exchanges {
            world.trial.piece = piece;
            world.exchange(&(change, play));
            if world.trial.past[0].opening == Some(Opening::StartOver) {
                part = world.trial.download.metadata();
            }
            let there = world.trial.sink.len().saturating_sub(lost);
            world.trial = after(part.as_ref(), &world.trial.sink[..there]);
        }
        let outcome = world.recover();
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        world.assert_right(&outcome);
    }

    #[test]
    fn a_size_limit_is_never_exceeded(
        marks in marks(), first in bytes(), exchanges in exchanges(passing()), limit in 0..40_u64,
    ) {
        let policy = with(Policy::default(), |p| p.size_limit = Some(limit));
        let mut world = World::new(marks, &first, Trial::new(&policy));
        for told in &exchanges {
            world.exchange(told);
            prop_assert!(world.trial.sink.len() as u64 <= limit);
        }
        let outcome = world.recover();
        world.assert_right(&outcome);
        if let Err(error) = outcome {
            let is_typed = matches!(
                error.kind,
                ErrorKind::TooLarge { .. } | ErrorKind::Fault(_) | ErrorKind::Expired { .. }
            );
            prop_assert!(is_typed, "{error:?}");
        }
    }
}

/// Begins a process that finds these bytes.
fn after(note: Option<&PartMetadata>, there: &[u8]) -> Trial {
    let Some(note) = note else { return Trial::of(download(&Policy::default())) };
    let mut kept = Part::new(note.clone());
    let there = &there[..there.len().min(usize::try_from(kept.limit()).unwrap_or(usize::MAX))];
    kept.read(there);
    let download = Download::new(url(URL), &Policy::default(), 7, Mono::default());
    let mut download = download.expect("a URL");
    download.resume(kept);
    Trial { sink: there.to_vec(), ..Trial::of(download) }
}
