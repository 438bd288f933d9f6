//! The help: its texts, and its numbers compared with the code.

use tcss_export::{download, wait::Policy};

use crate::support::{run_at, service, without_keys};

/// Returns the help on a terminal of this width.
fn help(args: &[&str], columns: usize) -> String {
    without_keys(args).env("COLUMNS", columns.to_string()).run().stdout
}

/// Returns the names in the list of commands.
pub(crate) fn commands() -> Vec<String> {
    let help = help(&["-h"], 100);
    let (_, list) = help.split_once("Commands:\n").expect("a list");
    let lines = list.lines().take_while(|line| !line.is_empty());
    lines.map(|line| line.split_whitespace().next().expect("a name").to_owned()).collect()
}

/// Returns the short and the long help of the program and of each command.
fn all_help(columns: usize) -> Vec<(String, String)> {
    let of = |command: &str, flag| help(&[command, flag], columns);
    let of_commands =
        commands().into_iter().map(|command| (of(&command, "-h"), of(&command, "--help")));
    let of_program = (help(&["-h"], columns), help(&["--help"], columns));
    of_commands.chain([of_program]).collect()
}

/// Returns each option and argument with its text, as one line.
fn explained(help: &str) -> Vec<String> {
    let mut entries = Vec::<String>::new();
    let mut is_list = false;
    for line in help.lines().filter(|line| !line.trim().is_empty()) {
        let text = line.trim_start();
        match line.len() - text.len() {
            0 => is_list = line == "Options:" || line == "Arguments:" || line == "Commands:",
            _ if !is_list => {}
            2..=6 => entries.push(text.to_owned()),
            _ => *entries.last_mut().expect("an entry") += &format!(" {text}"),
        }
    }
    entries
}

/// Returns an option of a command with its text in the long help.
fn option(command: &str, name: &str) -> String {
    let entries = explained(&help(&[command, "--help"], 100));
    entries.into_iter().find(|entry| entry.starts_with(name)).expect("an option")
}

#[test]
fn without_arguments_the_short_help_is_printed_and_the_exit_code_is_2() {
    let ended = without_keys(&[]).run();
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
    assert!(ended.stderr.contains("Usage: tcss-export [OPTIONS] <COMMAND>"), "{ended:?}");
    assert_eq!(ended.stderr, without_keys(&["-h"]).run().stdout);
}

#[test]
fn help_and_version_go_to_stdout() {
    for args in [&["--help"][..], &["-h"], &["wait", "--help"], &["serve", "-h"]] {
        let ended = without_keys(args).run();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{args:?}");
        assert!(ended.stdout.contains("Usage: tcss-export"), "{args:?}");
    }
    let version = concat!("tcss-export ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(without_keys(&["--version"]).run().stdout, version);
}

#[test]
fn the_help_command_prints_the_long_help() {
    for (command, option) in
        [(&["help"][..], &["--help"][..]), (&["help", "run"], &["run", "--help"])]
    {
        let (ended, expected) = (without_keys(command).run(), without_keys(option).run());
        assert_eq!((ended.code, &*ended.stderr, ended.stdout), (Some(0), "", expected.stdout));
    }
}

#[test]
fn each_option_and_command_has_a_help_text_with_a_full_stop() {
    for help in all_help(100).iter().flat_map(|(short, long)| [short, long]) {
        assert!(help.lines().next().is_some_and(|line| line.ends_with('.')), "{help}");
        for entry in explained(help) {
            let text = entry.split(" [").next().unwrap_or_default();
            assert!(text.ends_with('.'), "{entry}");
        }
    }
}

#[test]
fn a_line_is_never_wider_than_the_terminal_or_100_columns() {
    for (columns, widest) in [(40, 40), (80, 80), (300, 100)] {
        for help in all_help(columns).iter().flat_map(|(short, long)| [short, long]) {
            for line in help.lines() {
                // clap does not wrap the usage.
                let widest = if line.starts_with("Usage: ") { widest.max(80) } else { widest };
                assert!(line.chars().count() <= widest, "{line}");
            }
        }
    }
}

#[test]
fn the_short_help_fits_on_a_terminal_and_points_to_the_long_one() {
    for (short, long) in all_help(80) {
        assert!(short.lines().count() <= 24, "{short}");
        let pointer = "All commands take --json and --quiet.";
        assert!(short.contains(pointer) && short.contains("--help"), "{short}");
        assert!(!long.contains(pointer), "{long}");
        for option in ["--json", "--quiet", "--help"] {
            assert!(explained(&long).iter().any(|entry| entry.contains(option)), "{long}");
        }
    }
}

#[test]
fn the_numbers_in_the_help_are_those_of_the_policies() {
    let minutes = Policy::MAX_WAIT.as_secs() / 60;
    let first = Policy::POLL_INTERVAL.as_secs();
    let longest = Policy::LONGEST_POLL_INTERVAL.as_secs();
    for command in ["wait", "download", "run"] {
        let timeout = option(command, "--timeout");
        assert!(timeout.ends_with(&format!("; {minutes} minutes by default.")), "{timeout}");
        let interval = option(command, "--interval");
        let grows = format!("; by default it grows from {first} s to {longest} s.");
        assert!(interval.ends_with(&grows), "{interval}");
    }
    for command in ["download", "run"] {
        let stall = option(command, "--stall");
        let seconds = download::Policy::STALL_LIMIT.as_secs();
        assert!(stall.ends_with(&format!("; {seconds} s by default.")), "{stall}");
        let connections = option(command, "--connections");
        let (most, one) = (download::Policy::MAX_CONNECTIONS, download::Policy::default());
        let range = format!(", 1 to {most}; {} by default.", one.connections);
        assert!(connections.contains(&range), "{connections}");
    }
    let wait = help(&["wait", "--help"], 100);
    let limit = format!(" at most {} s, ", Policy::EXCHANGE_LIMIT.as_secs());
    assert!(wait.contains(&limit), "{wait}");
}

#[test]
fn the_largest_page_in_the_help_is_the_largest_that_is_accepted() {
    let limit = option("jobs", "--limit");
    let (_, range) = limit.split_once(" at most N jobs, 1 to ").expect("a range");
    let largest: u64 = range.split(';').next().and_then(|n| n.parse().ok()).expect("a number");
    let service = service("RUNNING");
    let ask = |limit: u64| run_at(&service.url(), &format!("jobs --limit {limit}")).code;
    assert_eq!((ask(largest), ask(largest + 1)), (Some(0), Some(2)));
}

#[test]
fn the_help_says_that_a_file_has_no_default_size_limit() {
    assert_eq!(download::Policy::default().size_limit, None);
    for command in ["download", "run"] {
        let size = option(command, "--max-size");
        assert!(size.contains("by default there is no limit but the free space"), "{size}");
    }
}

#[test]
fn the_help_says_how_to_keep_a_url_out_of_the_list_of_processes() {
    let option = option("download", "--url");
    let help = help(&["download", "--help"], 100).replace('\n', " ");
    let (_, advice) = help.split_once("pass the URL on stdin").expect("advice");
    let advice = advice.split('.').next().unwrap_or_default();
    assert!(option.contains("stdin") && option.contains("TCSS_EXPORT_URL"), "{option}");
    assert!(advice.contains("TCSS_EXPORT_URL"), "{advice}");
}
