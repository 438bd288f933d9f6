//! Kills `run --state` at random points: there is never a second job, nor a wrong or partial file.
//!
//! A release build kills 200 runs, a debug build 6, because a run that was killed before its create
//! arrived waits for half a minute:
//! `cargo test -p tcss-export-cli --release --test killed_runs`
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, SeenAnswer, ServedFile, Service};

const KILLS: u32 = if cfg!(debug_assertions) { 6 } else { 200 };
const BYTES: usize = 16 << 20;
const SEED: u64 = 0x7e57_0000_4000_8000;

/// The generator xorshift64*: one sequence of points per seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a time from zero to 1.1 times the given one.
    fn point(&mut self, usual: Duration) -> Duration {
        usual * u32::try_from(self.next() % 1_100).expect("a small number") / 1_000
    }
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_tcss-export"));
        command.args(["run", "--asset-type", "host", "--all", "--json", "--quiet", "--force"]);
        command.args(["--adopt-single", "--interval", "0.02", "--endpoint", &self.service.url()]);
        command.arg("-o").arg(self.folder.join("f"));
        command.arg("--state").arg(self.folder.join("s"));
        command.env_clear();
        command.env("TENCENTCLOUD_SECRET_ID", EXAMPLE_SECRET_ID);
        command.env("TENCENTCLOUD_SECRET_KEY", EXAMPLE_SECRET_KEY);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    }

    fn kill(&self, after: Duration) {
        let mut child = self.start();
        thread::sleep(after);
        child.kill().expect("a child");
        child.wait().expect("an end");
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
    let words = (0..BYTES / 8).flat_map(|_| random.next().to_le_bytes());
    let file: Vec<u8> = words.collect();
    let usual = {
        let (export, start) = (Export::new(&file), Instant::now());
        export.finish();
        start.elapsed()
    };
    let mut phases = BTreeMap::new();
    for nth in 0..KILLS {
        let export = Export::new(&file);
        let after = random.point(usual);
        export.kill(after);
        let phase = export.phase();
        println!("kill {nth} after {after:?} of {usual:?}: {phase}");
        export.check_file();
        export.finish();
        *phases.entry(phase).or_insert(0) += 1;
    }
    println!("{KILLS} kills of runs, by phase: {phases:?}");
    assert!(cfg!(debug_assertions) || phases.len() == 4, "no kill was in one of the phases");
}
