//! Progress on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tcss_export_testkit::ServedFile;

use crate::support::{Cli, Folder, builder, cli, run_at, service};

/// Opens a terminal of this width: our end, and that of a program.
pub(crate) fn terminal(columns: u16) -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("a terminal");
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).expect("a size");
    let name = ptsname(&ours, Vec::new()).expect("a name");
    let its = open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("a terminal");
    (ours.into(), its.into())
}

/// Runs a command with progress on a terminal of this kind and width, and returns what is written
/// there.
#[track_caller]
fn progress(kind: &str, columns: u16, cli: Cli) -> String {
    let (mut ours, its) = terminal(columns);
    let mut child = cli.env("TERM", kind).stdout(Stdio::null()).stderr(its).spawn();
    let mut shown = Vec::new();
    // On Linux the last close of the other end is an error.
    let _ = ours.read_to_end(&mut shown);
    let shown = String::from_utf8(shown).expect("UTF-8");
    assert!(child.wait().expect("an end").success(), "{shown:?}");
    shown
}

/// Returns the lines that were drawn, without the sequences that clear them.
#[track_caller]
fn lines(columns: u16, cli: Cli) -> Vec<String> {
    let shown = progress("xterm", columns, cli);
    // A bar that wraps must go up to clear itself.
    assert!(!shown.contains("\u{1b}[1A"), "{shown:?}");
    let lines = shown.split(['\r', '\n']).map(|line| line.replace("\u{1b}[2K", "").trim().into());
    let lines: Vec<String> = lines.filter(|line: &String| !line.is_empty()).collect();
    assert!(lines.iter().all(|line| line.len() <= columns.into()), "{shown:?}");
    lines
}

/// Returns the lines of a wait.
#[track_caller]
fn waited(columns: u16) -> Vec<String> {
    let service = service("RUNNING:50,RUNNING:55,SUCCESS");
    lines(columns, cli(&["wait", "J", "--interval", "0.3", "--endpoint", &service.url()]))
}

/// Returns the lines of a download.
#[track_caller]
fn downloaded(columns: u16) -> Vec<String> {
    let file = ServedFile::bytes("f", vec![b'x'; 20 * 1024]);
    let service = builder("SUCCESS").file(file).download_faults("SLOW:2048".parse().expect("it"));
    let service = service.start().expect("a service");
    let folder = Folder::new(&format!("terminal-{columns}"));
    let file = folder.path("f");
    lines(columns, cli(&["download", "J", "-o", &file, "--endpoint", &service.url()]))
}

/// Checks that some line starts with this text.
#[track_caller]
fn has(lines: &[String], start: &str) {
    assert!(lines.iter().any(|line| line.starts_with(start)), "{lines:?}");
}

#[test]
fn a_terminal_without_cursor_movement_gets_lines() {
    let service = service("RUNNING:10,SUCCESS");
    let wait = ["wait", "J", "--interval", "0", "--endpoint", &service.url()];
    assert_eq!(progress("dumb", 80, cli(&wait)), "RUNNING 10 %\r\n");
}

#[test]
fn a_wait_has_a_bar_on_a_wide_terminal() {
    let lines = waited(80);
    has(&lines, "[============>           ]   0s  RUNNING 50 %");
    has(&lines, "[=============>          ]   0s  RUNNING 55 %");
}

#[test]
fn a_wait_fits_a_narrow_terminal() {
    has(&waited(40), "0s  RUNNING 50 %");
    has(&waited(10), "0s  RUNN");
}

#[test]
fn a_download_fits_any_terminal() {
    has(&downloaded(80), "[============>           ] 10.00 KiB of 20.00 KiB");
    has(&downloaded(40), "10.00 KiB of 20.00 KiB");
    has(&downloaded(20), "50 %");
}

/// The bar has no room for a long text.
#[test]
fn a_fault_is_a_line_above_the_bar() {
    let service = service("RUNNING:50,RESET,SUCCESS");
    let wait = ["wait", "J", "--interval", "0.1", "--endpoint", &service.url()];
    let shown = progress("xterm", 40, cli(&wait));
    let start = format!("{}: the connection failed:\r\n    connection ", service.addr());
    assert!(shown.contains(&start) && shown.contains("; retrying at once\r\n"), "{shown:?}");
}

#[test]
fn an_answer_that_takes_long_has_a_line_or_a_spinner() {
    let service = service("HANG");
    let result = ["result", "J", "--endpoint", &service.url()];
    let mut running = cli(&result).start(1);
    running.signal_until_the_end("-TERM");
    assert_eq!(running.end().stderr, "waiting for an answer\n");
    let (mut ours, its) = terminal(40);
    let mut child = cli(&result).env("TERM", "xterm").stderr(its).spawn();
    let (mut shown, mut piece) = (String::new(), [0; 64]);
    while !shown.contains("  1s  waiting for an answer") {
        let length = ours.read(&mut piece).expect("a spinner");
        assert_ne!(length, 0, "{shown}");
        shown += &String::from_utf8_lossy(&piece[..length]);
    }
    child.kill().and_then(|()| child.wait()).expect("an end");
}

/// Runs a command without progress on a terminal of this width, and returns what is written there.
fn shown(columns: u16, cli: Cli) -> String {
    let (mut ours, its) = terminal(columns);
    let stdout = its.try_clone().expect("a terminal");
    let mut child = cli.env("TERM", "xterm").stdout(stdout).stderr(its).spawn();
    let mut shown = String::new();
    // On Linux the last close of the other end is an error.
    let _ = ours.read_to_string(&mut shown);
    child.wait().expect("an end");
    shown
}

#[test]
fn usage_and_errors_break_between_words_on_a_narrow_terminal() {
    let help = shown(40, cli(&["run", "-h"]));
    let usage = "Usage: tcss-export run [OPTIONS]\r\n       --asset-type <TYPE> <--all|--id\r\n";
    assert!(help.contains(usage), "{help:?}");
    let error = shown(40, cli(&["wait", "J", "--timeout", "x"]));
    let text =
        "error: invalid value 'x' for '--timeout\r\n    <TIME>': expected a time like 30s,\r\n";
    assert!(error.starts_with(text), "{error:?}");
}

#[test]
fn checks_break_between_words_on_a_narrow_terminal() {
    let service = service("RUNNING:40");
    let check = cli(&["check", "-o", "/none/a", "--endpoint", &service.url()]);
    let checks = shown(40, check.env("TCSS_EXPORT_KEY_SERVICE", service.url()));
    let text = "FAILED   output       \"/none/a\" cannot\r\n         be opened: ";
    assert!(checks.contains(text), "{checks:?}");
}

/// The command can be copied.
#[test]
fn the_command_that_continues_is_one_line_on_a_narrow_terminal() {
    let service = service("RUNNING:40");
    let error = shown(40, cli(&["wait", "J", "--timeout", "0", "--endpoint", &service.url()]));
    let command = format!("tcss-export wait J --endpoint {}\r\n", service.url());
    assert!(error.contains(&command), "{error:?}");
}

#[test]
fn a_narrow_terminal_gets_blocks_of_jobs_and_a_pipe_the_table() {
    let service = service("RUNNING:40");
    run_at(&service.url(), "create --asset-type host --all");
    let jobs = ["jobs", "--endpoint", &service.url()];
    let shown = shown(40, cli(&jobs));
    let block =
        "00000000-7e57-4000-8000-000000000001\r\n  status    RUNNING\r\n  progress  40 %\r\n";
    assert!(shown.starts_with(block), "{shown:?}");
    assert!(cli(&jobs).run().stdout.starts_with("JOB ID  "), "{shown:?}");
}

#[test]
fn no_color_means_no_colours_on_a_terminal() {
    let service = service("RUNNING:50,ERROR:InternalError,SUCCESS");
    let wait = ["wait", "J", "--interval", "0.1", "--endpoint", &service.url()];
    let shown =
        progress("xterm", 80, cli(&wait).env("NO_COLOR", "1").env("COLORTERM", "truecolor"));
    let sequences = shown.split('\u{1b}').skip(1);
    let ends: Vec<_> =
        sequences.filter_map(|rest| rest.chars().find(|c| c.is_alphabetic())).collect();
    // `m` ends a sequence that sets a colour.
    assert!(!ends.is_empty() && !ends.contains(&'m'), "{shown:?}");
}
