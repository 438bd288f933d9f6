//! Runs the binary with an empty environment, and checks that no run shows a secret.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;
use tcss_export_testkit::wire::{WireAnswer, WireServer};
use tcss_export_testkit::{Builder, Service};

pub(crate) const ID: &str = "AKIDFIELDCASES0001";
pub(crate) const KEY: &str = "FieldCasesSecretKey0001";
pub(crate) const OTHER_KEY: &str = "FieldCasesSecretKey0002";
pub(crate) const TOKEN: &str = "FieldCasesToken0001";
/// The request id of the first answer of the test service.
pub(crate) const FIRST_ID: &str = "00000000-7e57-4000-8000-000000000000";
/// A URL whose query must not appear on stderr.
pub(crate) const URL: &str = "https://h.example/a%2Fb.csv?q-signature=EXAMPLEQUERY;1&k=a%2Bb";

/// A run of the binary that has not started.
pub(crate) struct Cli {
    command: Command,
    may_reveal: bool,
}

/// A run that has started.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    seen: String,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_tcss-export");

/// Returns the program, which reacts to SIGINT. In the background of a script the tests inherit a
/// SIGINT that is ignored, and the program would keep that.
fn program() -> Command {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match ignored.unwrap_or_default() & 0b10 {
        0 => Command::new(PROGRAM),
        _ => {
            let mut env = Command::new("/usr/bin/env");
            env.args(["--default-signal=INT", PROGRAM]);
            env
        }
    }
}

/// Prepares a run without any key.
pub(crate) fn without_keys(args: &[&str]) -> Cli {
    let mut command = program();
    command.args(args).env_clear().stdin(Stdio::null());
    Cli { command, may_reveal: false }
}

/// Prepares a run with the key pair of [`service`].
pub(crate) fn cli(args: &[&str]) -> Cli {
    let keys = [("TENCENTCLOUD_SECRET_ID", ID), ("TENCENTCLOUD_SECRET_KEY", KEY)];
    keys.iter().fold(without_keys(args), |cli, (name, value)| cli.env(name, value))
}

/// Runs a command line, split at spaces, against a service at `url`.
pub(crate) fn run_at(url: &str, line: &str) -> Ended {
    let args: Vec<&str> = line.split(' ').chain(["--endpoint", url]).collect();
    cli(&args).run()
}

impl Cli {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    pub(crate) fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    /// Starts it by a shell that ignores a signal.
    pub(crate) fn ignoring(self, signal: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("trap '' {signal}; exec \"$0\" \"$@\""));
        let args: Vec<_> = self.command.get_args().collect();
        let before = args.iter().position(|arg| *arg == PROGRAM).map_or(0, |at| at + 1);
        shell.arg(PROGRAM).args(&args[before..]);
        let set = self.command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        shell.env_clear().envs(set).stdin(Stdio::null());
        Self { command: shell, ..self }
    }

    /// Starts it with the streams that were set.
    pub(crate) fn spawn(mut self) -> Child {
        self.command.spawn().expect("the binary runs")
    }

    /// Allows the signature and the token in the output.
    pub(crate) fn revealing(mut self) -> Self {
        self.may_reveal = true;
        self
    }

    pub(crate) fn run(mut self) -> Ended {
        Ended::new(self.command.output().expect("the binary runs"), self.may_reveal)
    }

    pub(crate) fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// Starts it and waits for this many lines of progress.
    pub(crate) fn start(mut self, lines: usize) -> Running {
        let mut child = self.command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut seen = String::new();
        for _ in 0..lines {
            assert_ne!(stderr.read_line(&mut seen).expect("a line"), 0, "{seen}");
        }
        Running { child, stderr, seen }
    }

    /// Returns the command, for a process that the test stops.
    pub(crate) fn into_command(mut self) -> Command {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command
    }
}

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
    }

    /// Repeats a signal until the process ends.
    pub(crate) fn signal_until_the_end(&mut self, name: &str) {
        while self.child.try_wait().expect("a child").is_none() {
            self.signal(name);
        }
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        self.stderr.read_to_string(&mut self.seen).expect("UTF-8");
        let output = self.child.wait_with_output().expect("an end");
        Ended::new(Output { stderr: self.seen.into_bytes(), ..output }, false)
    }
}

impl Ended {
    pub(crate) fn new(output: Output, may_reveal: bool) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let ended = Self { code: output.status.code(), stdout, stderr };
        ended.assert_no_secret(may_reveal);
        ended
    }

    /// Returns the object of stdout, without the version.
    pub(crate) fn json(&self) -> Value {
        self.object(&self.stdout)
    }

    /// Returns the objects of stdout, one per line, without their versions.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| self.object(line)).collect()
    }

    /// Returns the error object, the last line of stderr.
    pub(crate) fn error(&self) -> Value {
        let line = self.stderr.lines().last().unwrap_or_default();
        self.object(line)["error"].clone()
    }

    /// Reads an object, and checks and removes its version, the first member.
    fn object(&self, text: &str) -> Value {
        assert!(text.starts_with(r#"{"version":1,"#), "{self:?}");
        let mut object: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        object.as_object_mut().expect("an object").remove("version");
        object
    }

    fn assert_no_secret(&self, may_reveal: bool) {
        let all = format!("{}{}", self.stdout, self.stderr);
        for secret in [KEY, OTHER_KEY] {
            assert!(!all.contains(secret), "{self:?}");
        }
        for query in ["EXAMPLEQUERY", "q-sign"] {
            assert!(!self.stderr.contains(query), "{self:?}");
        }
        let is_digits =
            |text: &str| text.len() >= 64 && text[..64].bytes().all(|b| b.is_ascii_hexdigit());
        let shows_signature = all.split("Signature=").skip(1).any(is_digits);
        assert!(may_reveal || !(shows_signature || all.contains(TOKEN)), "{self:?}");
    }
}

/// Returns a path without a file.
pub(crate) fn new_file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It usually does not exist.
    let _ = fs::remove_file(&path);
    path
}

/// An empty folder.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        // It usually does not exist.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Returns the path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).into_os_string().into_string().expect("UTF-8")
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file")
    }

    /// Returns the names of all files in it.
    pub(crate) fn files(&self) -> Vec<String> {
        let name = |entry: io::Result<DirEntry>| entry.expect("an entry").file_name();
        let entries = fs::read_dir(&self.0).expect("a folder").map(name);
        let mut names: Vec<_> = entries.map(|name| name.into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

/// Prepares a service with the keys and a script.
pub(crate) fn builder(script: &str) -> Builder {
    Service::builder().key(ID, KEY).script(script.parse().expect("a script"))
}

pub(crate) fn service(script: &str) -> Service {
    builder(script).start().expect("a service")
}

/// Starts a server that repeats one answer.
pub(crate) fn server(answer: WireAnswer) -> WireServer {
    WireServer::plain([answer]).expect("a server")
}
