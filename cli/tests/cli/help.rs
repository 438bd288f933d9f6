//! The help: its texts, and its numbers compared with the code.

use tcss_export::{download, wait::Policy};

use crate::support::{run_at, service, without_keys};

const COMMANDS: [&str; 12] = [
    "create", "jobs", "result", "wait", "download", "run", "replay", "sign", "explain", "serve",
    "demo", "help",
];

#[test]
fn without_arguments_the_help_is_printed_and_the_exit_code_is_2() {
    let ended = without_keys(&[]).run();
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
    assert!(ended.stderr.contains("Usage: tcss-export [OPTIONS] <COMMAND>"), "{ended:?}");
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
fn the_help_command_prints_the_same_as_the_option() {
    for (command, option) in [(&["help"][..], &["--help"][..]), (&["help", "run"], &["run", "-h"])]
    {
        let (ended, expected) = (without_keys(command).run(), without_keys(option).run());
        assert_eq!((ended.code, &*ended.stderr, ended.stdout), (Some(0), "", expected.stdout));
    }
}

#[test]
fn each_option_and_command_has_a_help_text_with_a_full_stop() {
    for command in COMMANDS {
        let help = without_keys(&[command, "--help"]).run().stdout;
        assert!(help.lines().next().is_some_and(|line| line.ends_with('.')), "{help}");
        let options =
            help.lines().filter(|line| line.trim_start().starts_with('-') && line.contains("  "));
        for line in options.filter(|line| line.starts_with("  ")) {
            let sentence = line.split(" [default").next().unwrap_or_default();
            assert!(sentence.ends_with('.'), "{line}");
        }
    }
}

#[test]
fn the_help_after_the_options_has_at_most_100_columns() {
    for command in COMMANDS {
        let help = without_keys(&[command, "--help"]).run().stdout;
        let (_, after) = help.split_once("  Prints this help.\n").expect("the last option");
        for line in after.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

/// Returns the line of the help that explains an option.
fn explained(command: &str, option: &str) -> String {
    let help = without_keys(&[command, "--help"]).run().stdout;
    let mut lines = help.lines().map(str::trim_start);
    lines.find(|line| line.starts_with(option)).expect("an option").to_owned()
}

#[test]
fn the_numbers_in_the_help_are_those_of_the_policies() {
    let minutes = Policy::MAX_WAIT.as_secs() / 60;
    let first = Policy::POLL_INTERVAL.as_secs();
    let longest = Policy::LONGEST_POLL_INTERVAL.as_secs();
    for command in ["wait", "download", "run"] {
        let timeout = explained(command, "--timeout");
        assert!(timeout.ends_with(&format!("; {minutes} minutes by default.")), "{timeout}");
        let interval = explained(command, "--interval");
        let grows = format!("; by default it grows from {first} s to {longest} s.");
        assert!(interval.ends_with(&grows), "{interval}");
    }
    for command in ["download", "run"] {
        let stall = explained(command, "--stall");
        let seconds = download::Policy::STALL_LIMIT.as_secs();
        assert!(stall.ends_with(&format!("; {seconds} s by default.")), "{stall}");
    }
    let wait = without_keys(&["wait", "--help"]).run().stdout;
    let limit = format!(" at most {} s, ", Policy::EXCHANGE_LIMIT.as_secs());
    assert!(wait.contains(&limit), "{wait}");
}

#[test]
fn the_largest_page_in_the_help_is_the_largest_that_is_accepted() {
    let limit = explained("jobs", "--limit");
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
        let size = explained(command, "--max-size");
        assert!(size.contains("by default there is no limit but the free space"), "{size}");
    }
}

#[test]
fn the_help_says_how_to_keep_a_url_out_of_the_list_of_processes() {
    let option = explained("download", "--url");
    let help = without_keys(&["download", "--help"]).run().stdout;
    let advice = help.lines().find(|line| line.contains("pass the URL on stdin"));
    for text in [&*option, advice.unwrap_or_default()] {
        assert!(text.contains("stdin") && text.contains("TCSS_EXPORT_URL"), "{text}");
    }
}
