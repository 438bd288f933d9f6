//! Kills the program at random points. The file of a download is always complete or absent, and the
//! next run resumes; a run with a state never creates a second job.
//!
//! A release build kills 400 downloads, half of them over eight connections, and 200 runs:
//! `cargo test -p tcss-export-cli --release --test kills`
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, SeenAnswer, ServedFile, Service};

const KILLS: u32 = if cfg!(debug_assertions) { 20 } else { 200 };
/// After a kill just before the create, the next run waits for half a minute.
const RUN_KILLS: u32 = if cfg!(debug_assertions) { 4 } else { 200 };
const BYTES: usize = 64 << 20;
const RUN_BYTES: usize = 16 << 20;
const SEED: u64 = 0x7e57_0000_4000_8000;
const OLD: &[u8] = b"the old file";

/// A service with a file, and the folder for the download.
struct Setup {
    service: Service,
    file: Vec<u8>,
    folder: PathBuf,
    connections: &'static str,
}

/// The generator xorshift64*: one sequence of points per seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count / 8).flat_map(|_| self.next().to_le_bytes()).collect()
    }

    /// Returns a time from zero to 1.1 times the given one.
    fn point(&mut self, usual: Duration) -> Duration {
        usual * u32::try_from(self.next() % 1_100).expect("a small number") / 1_000
    }
}

fn command(args: &[&str], service: &Service) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcss-export"));
    command.args(args).args(["--json", "--quiet", "--endpoint", &service.url()]).env_clear();
    command.env("TENCENTCLOUD_SECRET_ID", EXAMPLE_SECRET_ID);
    command.env("TENCENTCLOUD_SECRET_KEY", EXAMPLE_SECRET_KEY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn kill(mut child: Child, after: Duration) {
    thread::sleep(after);
    child.kill().expect("a child");
    child.wait().expect("an end");
}

impl Setup {
    fn new(random: &mut Random, connections: &'static str) -> Self {
        let file = random.bytes(BYTES);
        let served = ServedFile::bytes("served.bin", file.clone());
        let script = "SUCCESS".parse().expect("a script");
        let service = Service::builder().script(script).file(served).start().expect("a service");
        let name = format!("kills-{connections}");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        Self { service, file, folder, connections }
    }

    /// Empties the folder, or leaves only an old file in it.
    fn reset(&self, has_old: bool) {
        // It does not exist the first time.
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder).expect("a folder");
        if has_old {
            fs::write(self.target(), OLD).expect("a file");
        }
    }

    fn target(&self) -> PathBuf {
        self.folder.join("f")
    }

    fn start(&self, force: bool) -> Child {
        let args = ["download", "J", "--connections", self.connections];
        let mut command = command(&args, &self.service);
        command.arg("-o").arg(self.target());
        command.args(force.then_some("--force"));
        command.spawn().expect("the binary runs")
    }

    /// Returns the time of a download that is not killed.
    fn usual(&self) -> Duration {
        self.reset(false);
        let start = Instant::now();
        assert!(self.start(false).wait().expect("an end").success());
        start.elapsed()
    }

    /// Kills a download after some time, unless it has ended.
    fn kill(&self, force: bool, after: Duration) {
        kill(self.start(force), after);
    }

    /// Checks the target after a kill, and returns whether it is the new file.
    fn is_whole(&self, has_old: bool) -> bool {
        let Ok(found) = fs::read(self.target()) else {
            assert!(!has_old, "the old file is gone");
            return false;
        };
        let is_whole = found == self.file;
        assert!(is_whole || (has_old && found == OLD), "the target is incomplete");
        is_whole
    }

    /// Whether the part file has bytes and its metadata.
    fn can_resume(&self) -> bool {
        let part = fs::metadata(self.folder.join(".f.part"));
        part.is_ok_and(|part| part.len() > 0) && self.folder.join(".f.part.json").exists()
    }

    /// Downloads the rest.
    fn finish(&self, force: bool) {
        let can_resume = self.can_resume();
        let output = self.start(force).wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let saved: Value = serde_json::from_slice(&output.stdout).expect("an object");
        assert_eq!((&saved["verified"], &saved["resumed"]), (&true.into(), &can_resume.into()));
        assert!(fs::read(self.target()).expect("a file") == self.file, "other bytes");
        assert_eq!(fs::read_dir(&self.folder).expect("a folder").count(), 1, "something is left");
    }
}

#[test]
fn a_killed_download_leaves_no_incomplete_target_and_the_next_run_finishes() {
    kill_downloads("1");
}

#[test]
fn a_download_over_eight_connections_may_be_killed() {
    kill_downloads("8");
}

fn kill_downloads(connections: &'static str) {
    let mut random = Random(SEED);
    let setup = Setup::new(&mut random, connections);
    let usual = setup.usual();
    let (mut resumed, mut whole) = (0, 0);
    for nth in 0..KILLS {
        let (force, after) = (nth % 2 == 1, random.point(usual));
        println!("kill {nth}, force {force}, after {after:?} of {usual:?}");
        setup.reset(force);
        setup.kill(force, after);
        let is_whole = setup.is_whole(force);
        resumed += u32::from(setup.can_resume());
        whole += u32::from(is_whole);
        // Without force, a complete file stays.
        if force || !is_whole {
            setup.finish(force);
        }
    }
    println!(
        "{KILLS} kills left {resumed} part files to resume and {whole} complete files, with \
         connections: {connections}"
    );
    assert!(resumed > 0, "no kill was in the middle of a download");
}

/// One export: a service that has no other jobs, and a folder.
struct Export<'a> {
    service: Service,
    file: &'a [u8],
    folder: PathBuf,
}

impl<'a> Export<'a> {
    fn new(file: &'a [u8]) -> Self {
        let served = ServedFile::bytes("served.bin", file.to_vec());
        let script = "RUNNING:10,RUNNING:60,SUCCESS".parse().expect("a script");
        let service = Service::builder().script(script).file(served).start().expect("a service");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("killed-runs");
        // It does not exist the first time.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Self { service, file, folder }
    }

    fn start(&self) -> Child {
        let run = ["run", "--asset-type", "host", "--all", "--interval", "0.02", "--force"];
        let mut command = command(&run, &self.service);
        command.arg("-o").arg(self.folder.join("f"));
        command.arg("--adopt-single").arg("--state").arg(self.folder.join("s"));
        command.spawn().expect("the binary runs")
    }

    fn kill(&self, after: Duration) {
        kill(self.start(), after);
    }

    /// Returns the phase of the state, or an empty text without one.
    fn phase(&self) -> String {
        let text = fs::read(self.folder.join("s")).unwrap_or_default();
        let state: Value = match &*text {
            [] => Value::Null,
            text => serde_json::from_slice(text).expect("a whole state"),
        };
        state["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// Checks that the file is absent or whole.
    fn check_file(&self) {
        if let Ok(found) = fs::read(self.folder.join("f")) {
            assert!(found == self.file, "the file is incomplete");
        }
    }

    fn finish(&self) {
        let output = self.start().wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read(self.folder.join("f")).expect("a file"), self.file);
        assert_eq!(self.phase(), "done");
        let seen = self.service.seen();
        let creates = seen.iter().filter(|seen| matches!(seen.answer, SeenAnswer::Created { .. }));
        assert_eq!(creates.count(), 1);
    }
}

#[test]
fn a_killed_run_never_creates_a_second_job() {
    let mut random = Random(SEED);
    let file = random.bytes(RUN_BYTES);
    let usual = {
        let (export, start) = (Export::new(&file), Instant::now());
        export.finish();
        start.elapsed()
    };
    let mut phases = BTreeMap::new();
    for nth in 0..RUN_KILLS {
        let export = Export::new(&file);
        let after = random.point(usual);
        export.kill(after);
        let phase = export.phase();
        println!("kill {nth} after {after:?} of {usual:?}: {phase}");
        export.check_file();
        export.finish();
        *phases.entry(phase).or_insert(0) += 1;
    }
    println!("{RUN_KILLS} kills of runs, by phase: {phases:?}");
    assert!(cfg!(debug_assertions) || phases.len() == 4, "no kill was in one of the phases");
}
