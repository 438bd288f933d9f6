//! Random faults, cuts, pieces and changes of the file: every download ends, with the bytes of one
//! version of the file or with a typed error.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};
use tcss_export::{
    core::download::{Opening, Outcome, Part, PartMetadata},
    download::{ErrorKind, Policy},
    driver::TransportErrorKind,
};

use crate::{
    run::{Due, Run, download, url},
    server::{File, Reply, crc64},
    with::with,
};

/// The tag and the checksum in the answers of a server.
#[derive(Clone, Copy, Debug)]
struct Validators {
    tag: Tag,
    names_crc: bool,
}

#[derive(Clone, Copy, Debug)]
enum Tag {
    Strong,
    Weak,
    None,
}

impl Validators {
    /// Returns one version of the file; each has its own tag.
    fn file(self, bytes: &[u8], serial: usize) -> File {
        let file = File { names_crc: self.names_crc, ..File::new(bytes.to_vec()) };
        match self.tag {
            Tag::Strong => file.with_etag(&format!("\"v{serial}\"")),
            Tag::Weak => file.with_etag(&format!("W/\"v{serial}\"")),
            Tag::None => file.without_etag(),
        }
    }
}

/// One exchange: the new content of the file, if it changes first, and the reply.
type ServerStep = (Option<Vec<u8>>, Reply);

const LONGEST: usize = 40;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Two values, so that versions share long prefixes.
    vec(prop_oneof![9 => Just(b'a'), 1 => Just(b'b')], 0..LONGEST)
}

fn validators() -> impl Strategy<Value = Validators> {
    let tag = prop_oneof![3 => Just(Tag::Strong), 1 => Just(Tag::Weak), 1 => Just(Tag::None)];
    (tag, any::<bool>()).prop_map(|(tag, names_crc)| Validators { tag, names_crc })
}

/// Temporary faults.
fn temporary() -> impl Strategy<Value = Reply> {
    prop_oneof![
        8 => (0..LONGEST).prop_map(Reply::Cut),
        4 => (0..LONGEST).prop_map(Reply::ChunkedCut),
        2 => (0..LONGEST).prop_map(Reply::Stall),
        4 => (1..LONGEST).prop_map(Reply::ShortRange),
        2 => (1..LONGEST).prop_map(Reply::ShortRangeNoTotal),
        1 => Just(Reply::NoAnswer(TransportErrorKind::Connection)),
        1 => Just(Reply::NoAnswer(TransportErrorKind::Timeout)),
        1 => Just(Reply::Hang),
        1 => Just(Reply::ExtraByte),
        1 => Just(Reply::Whole),
        2 => Just(Reply::IgnoresIfRange),
        1 => Just(Reply::WrongRange),
        1 => Just(Reply::Expired),
        1 => Just(Reply::Status(500)),
        1 => Just(Reply::Status(503)),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let others = vec![
        Reply::NotSatisfiable,
        Reply::AlwaysNotSatisfiable,
        Reply::RangeWithStatus200,
        Reply::WrongCrc,
        Reply::Gzip,
        Reply::Redirect,
        Reply::Denied,
        Reply::Gone,
    ];
    let good = vec![Reply::Correct, Reply::Chunked, Reply::NoLength];
    prop_oneof![
        20 => temporary(),
        1 => select(others),
        1 => select(good),
    ]
}

fn exchanges(reply: impl Strategy<Value = Reply>) -> impl Strategy<Value = Vec<ServerStep>> {
    vec((option::weighted(0.3, bytes()), reply), 0..24)
}

/// A server and a download of its file.
struct Scenario {
    validators: Validators,
    file: File,
    serial: usize,
    run: Run,
}

impl Scenario {
    fn new(validators: Validators, first: &[u8], run: Run) -> Self {
        Self { validators, file: validators.file(first, 0), serial: 0, run }
    }

    /// Runs one exchange; returns false if the download has ended already.
    fn exchange(&mut self, (change, reply): &ServerStep) -> bool {
        if self.run.wait_until_due() == Due::NewUrl {
            self.serial += 1;
            let text = format!("https://h.example/a.csv?q-signature=EXAMPLE1{:03}", self.serial);
            self.run.download.new_url(self.run.mono(), url(&text));
        }
        if self.run.wait_until_due() == Due::Nothing {
            return false;
        }
        if let Some(bytes) = change {
            self.serial += 1;
            self.file = self.validators.file(bytes, self.serial);
        }
        self.run.serve(&self.file, *reply);
        true
    }

    /// Replies correctly until the download has ended.
    fn recover(&mut self) -> Outcome {
        for _ in 0..=Policy::MAX_FAILURES {
            if !self.exchange(&(None, Reply::Correct)) {
                break;
            }
        }
        assert_eq!(self.run.wait_until_due(), Due::Nothing, "the download has not ended");
        self.run.outcome()
    }

    /// Checks the result against the version of the file served last.
    fn assert_right(&self, outcome: &Outcome) {
        let Ok(downloaded) = outcome else { return };
        assert_eq!(self.run.sink, self.file.bytes);
        assert_eq!(downloaded.bytes, self.file.bytes.len() as u64);
        assert_eq!(downloaded.crc64, crc64(&self.file.bytes));
        assert_eq!(downloaded.verified, self.validators.names_crc);
    }
}

const CASES: u32 = if cfg!(debug_assertions) { 300 } else { 10_000 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_download_ends_with_the_bytes_of_one_version_or_a_typed_error(
        validators in validators(),
        first in bytes(),
        exchanges in exchanges(any_reply()),
        piece in 1..LONGEST,
        is_pipe: bool,
    ) {
        let download = download(&Policy::default()).with_new_urls();
        let download = if is_pipe { download.without_restart() } else { download };
        let mut scenario = Scenario::new(validators, &first, Run { piece, ..Run::of(download) });
        for step in &exchanges {
            if !scenario.exchange(step) {
                break;
            }
        }
        let outcome = scenario.recover();
        scenario.assert_right(&outcome);
        let report = match &outcome {
            Ok(downloaded) => &downloaded.report,
            Err(error) => &error.report,
        };
        prop_assert_eq!(report.requests as usize, scenario.run.exchanges.len());
    }

    /// [`Run`] panics if a byte is accepted later.
    #[test]
    fn a_download_ends_at_its_total_limit_however_slowly_bytes_arrive(
        validators in validators(), exchanges in exchanges(temporary()), seconds in (1..100_u64, 0..40_u64),
    ) {
        let (limit, pause) = (Duration::from_secs(seconds.0), Duration::from_secs(seconds.1));
        let policy = with(Policy::default(), |p| { p.max_failures = u32::MAX; p.total_limit = Some(limit); });
        let run = Run { piece: 1, pause, ..Run::new(&policy) };
        let mut scenario = Scenario::new(validators, b"a file", run);
        for step in &exchanges {
            scenario.exchange(step);
        }
        scenario.run.now = scenario.run.now.max(limit);
        prop_assert_eq!(scenario.run.wait_until_due(), Due::Nothing);
        let outcome = scenario.run.outcome();
        scenario.assert_right(&outcome);
    }

    #[test]
    fn temporary_faults_never_end_a_download_without_limits(
        validators in validators(), first in bytes(), exchanges in exchanges(temporary()), piece in 1..LONGEST,
    ) {
        let policy =
            with(Policy::default(), |p| { p.max_failures = u32::MAX; p.max_new_urls = u32::MAX; });
        let run = Run { piece, ..Run::of(download(&policy).with_new_urls()) };
        let mut scenario = Scenario::new(validators, &first, run);
        for step in &exchanges {
            scenario.exchange(step);
        }
        let outcome = scenario.recover();
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        scenario.assert_right(&outcome);
    }

    /// Each exchange runs in a new process, and the last bytes may not have reached the disk.
    #[test]
    fn parts_left_by_killed_processes_never_lead_to_wrong_bytes(
        validators in validators(),
        first in bytes(),
        exchanges in vec((option::weighted(0.3, bytes()), temporary(), 0..4_usize), 0..24),
        piece in 1..LONGEST,
    ) {
        let mut scenario = Scenario::new(validators, &first, Run::of(download(&Policy::default())));
        let mut part = None;
        for (change, reply, lost) in exchanges {
            scenario.run.piece = piece;
            scenario.exchange(&(change, reply));
            if scenario.run.exchanges[0].opening == Some(Opening::StartOver) {
                part = scenario.run.download.metadata();
            }
            let there = scenario.run.sink.len().saturating_sub(lost);
            scenario.run = resuming(part.as_ref(), &scenario.run.sink[..there]);
        }
        let outcome = scenario.recover();
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        scenario.assert_right(&outcome);
    }

    #[test]
    fn a_size_limit_is_never_exceeded(
        validators in validators(), first in bytes(), exchanges in exchanges(temporary()), limit in 0..40_u64,
    ) {
        let policy = with(Policy::default(), |p| p.size_limit = Some(limit));
        let mut scenario = Scenario::new(validators, &first, Run::new(&policy));
        for step in &exchanges {
            scenario.exchange(step);
            prop_assert!(scenario.run.sink.len() as u64 <= limit);
        }
        let outcome = scenario.recover();
        scenario.assert_right(&outcome);
        if let Err(error) = outcome {
            let is_typed = matches!(
                error.kind,
                ErrorKind::TooLarge { .. } | ErrorKind::Fault(_) | ErrorKind::Expired { .. }
            );
            prop_assert!(is_typed, "{error:?}");
        }
    }
}

/// Starts a run that finds this part.
fn resuming(metadata: Option<&PartMetadata>, there: &[u8]) -> Run {
    let Some(metadata) = metadata else { return Run::of(download(&Policy::default())) };
    let mut part = Part::new(metadata.clone());
    let there = &there[..there.len().min(usize::try_from(part.limit()).unwrap_or(usize::MAX))];
    part.read(there);
    let mut download = download(&Policy::default());
    download.resume(part);
    Run { sink: there.to_vec(), ..Run::of(download) }
}
