//! The commands `completions` and `man`.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::help::commands;
use crate::support::{Folder, without_keys};

fn script(shell: &str) -> String {
    let ended = without_keys(&["completions", shell]).run();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    ended.stdout
}

#[test]
fn the_script_of_each_shell_names_each_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = script(shell);
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        for option in ["timeout", "other-asset-type", "json"] {
            assert!(script.contains(option), "{shell}: {option}");
        }
    }
}

/// Returns what bash offers for the last of these words.
fn completed_by_bash(words: &[&str]) -> String {
    let program = "source /dev/stdin || exit 1; \
        [[ $(complete -p tcss-export) =~ -F\\ ([^ ]+) ]] || exit 1; \
        COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
        \"${BASH_REMATCH[1]}\" \"$1\" \"${@: -1}\" \"${@: -2:1}\"; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", program, "bash"]).args(words).env_clear();
    let mut bash = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash");
    let mut stdin = bash.stdin.take().expect("a pipe");
    stdin.write_all(script("bash").as_bytes()).expect("the script is read");
    drop(stdin);
    let output = bash.wait_with_output().expect("an end");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(completed_by_bash(&["tcss-export", "cre"]), "create credentials");
    assert_eq!(completed_by_bash(&["tcss-export", "wait", "--tim"]), "--timeout");
    let host = ["tcss-export", "create", "--asset-type", "ho"];
    assert_eq!(completed_by_bash(&host), "host");
}

/// Checks a page with groff, if this machine has it.
fn check_with_groff(page: &str) {
    let mut groff = Command::new("groff");
    match groff.args(["-ww", "-man", "-Tutf8", page]).output() {
        Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
    }
}

#[test]
fn each_command_has_a_man_page_with_a_text_for_each_option() {
    let folder = Folder::new("man-pages");
    let pages = folder.path("man1");
    let ended = without_keys(&["man", &pages]).run();
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (Some(0), "", ""));
    let names = commands().into_iter().map(|command| format!("tcss-export-{command}"));
    for name in names.chain(["tcss-export".to_owned()]) {
        let file = format!("man1/{name}.1");
        let page = String::from_utf8(folder.read(&file)).expect("UTF-8");
        assert!(page.contains(&format!("\n.TH {name} 1 ")), "{page}");
        let (_, options) = page.split_once("\n.SH OPTIONS\n").expect("options");
        let (options, _) = options.split_once("\n.SH ").expect("a next section");
        for option in options.split(".TP\n").skip(1) {
            let text = option.lines().nth(1).unwrap_or_default();
            assert!(text.ends_with('.') && !text.starts_with('.'), "{name}: {option}");
        }
        check_with_groff(&folder.path(&file));
    }
    let run = String::from_utf8(folder.read("man1/tcss-export-run.1")).expect("UTF-8");
    assert!(run.contains(r"\-\-other\-asset\-type"), "{run}");
}

#[test]
fn man_pages_that_cannot_be_written_are_an_error() {
    let ended = without_keys(&["man", "/dev/null/man1", "--json"]).run();
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(7), &json!("file")), "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("/dev/null/man1")));
}
