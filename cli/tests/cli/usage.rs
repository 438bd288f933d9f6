//! Arguments: accepted spellings, and errors.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::support::{Ended, cli, service, without_keys};

fn endpoint(spelling: &str) -> Ended {
    cli(&["sign", "J", "--json", "--endpoint", spelling]).run()
}

/// Checks that arguments are refused with this message, as text and as JSON.
fn refused(args: &[&str], message: &str) {
    let ended = cli(args).run();
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    assert!(ended.stderr.contains("\n  hint  "), "{ended:?}");
    let ended = cli(&[args, &["--json"]].concat()).run();
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{ended:?}");
    let error = ended.error();
    assert_eq!((&error["kind"], &error["code"]), (&json!("usage"), &Value::Null));
    assert!(error["message"].as_str().expect("a text").contains(message), "{error}");
    assert!(error["hint"].is_string(), "{error}");
}

/// Returns the hint of a command line that is refused.
fn hint(line: &str) -> String {
    let args: Vec<_> = line.split(' ').chain(["--json"]).collect();
    let ended = cli(&args).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    ended.error()["hint"].as_str().expect("a hint").to_owned()
}

#[test]
fn a_typing_error_gets_one_suggestion() {
    for (line, meant) in [
        ("dowload J", "download"),
        ("help jbos", "jobs"),
        ("crate --asset-type host --all", "create"),
        ("wait J --timout 5", "--timeout"),
        ("--timout 5 wait J", "wait --timeout"),
        ("download J -o f --allow-htp", "--allow-http"),
        ("download J --o f", "--output"),
        ("create --asset-type hots --all", "host"),
    ] {
        assert_eq!(hint(line), format!("did you mean '{meant}'?"));
    }
}

#[test]
fn the_hint_about_an_option_in_the_wrong_place_says_where_it_belongs() {
    for line in ["--endpoint X jobs", "--region ap-x jobs", "-o f run --all"] {
        let (option, command) = (line.split(' ').next().unwrap(), line.split(' ').nth(2).unwrap());
        let expected = format!("write {option} after the command: tcss-export {command} {option}");
        assert_eq!(hint(line), expected);
    }
    assert_eq!(hint("result J --interval 5"), "--interval is an option of wait, download, run");
    assert_eq!(hint("create --all -o f"), "-o is an option of download, run, check");
}

#[test]
fn the_hint_says_what_is_expected_if_nothing_is_similar() {
    let usage = "Usage: tcss-export create [OPTIONS] --asset-type <TYPE> <--all|--id <N>>";
    assert_eq!(hint("create --all"), usage);
    assert_eq!(hint("list"), "tcss-export -h lists the commands");
    let other = "for a type that is not listed, use --other-asset-type";
    assert_eq!(hint("create --asset-type new_type --all"), other);
    assert_eq!(hint("wait J --job-id J"), "Usage: tcss-export wait <JOB_ID>");
}

#[test]
fn json_is_accepted_before_and_after_the_command() {
    let command = ["sign", "J", "--endpoint", "mainland", "--region", "ap-x"];
    for args in [[&["--json"], &command[..]].concat(), [&command[..], &["--json"]].concat()] {
        let ended = cli(&args).run();
        let headers = &ended.json()["headers"];
        assert_eq!(headers["host"], "tcss.tencentcloudapi.com");
        assert_eq!(headers["x-tc-region"], "ap-x");
    }
}

#[test]
fn an_option_without_effect_is_refused() {
    for args in [&["demo", "--endpoint", "mainland"][..], &["replay", "f", "--region", "ap-x"]] {
        let ended = without_keys(args).run();
        assert!(ended.stderr.contains("unexpected argument"), "{ended:?}");
        assert_eq!(ended.code, Some(2));
    }
}

#[test]
fn endpoint_and_region_come_from_options_or_else_variables() {
    let headers = |args: &[&str], endpoint, region| {
        let cli = cli(args).env("TENCENTCLOUD_ENDPOINT", endpoint);
        let ended = cli.env("TENCENTCLOUD_REGION", region).run();
        let headers = ended.json()["headers"].clone();
        (headers["host"].clone(), headers["x-tc-region"].clone())
    };
    let sign = ["sign", "J", "--json"];
    let (mainland, site) = (json!("tcss.tencentcloudapi.com"), "tcss.intl.tencentcloudapi.com");
    assert_eq!(headers(&sign, "mainland", "ap-x"), (mainland.clone(), json!("ap-x")));
    assert_eq!(headers(&sign, "", ""), (json!(site), Value::Null));
    let options = [&sign[..], &["--endpoint", "mainland", "--region", "ap-y"]].concat();
    assert_eq!(headers(&options, "gw.example", "ap-x"), (mainland, json!("ap-y")));
}

#[test]
fn a_variable_with_a_bad_value_is_named() {
    for (name, problem) in
        [("TENCENTCLOUD_ENDPOINT", "contains"), ("TENCENTCLOUD_REGION", "contains")]
    {
        let ended = cli(&["sign", "J"]).env(name, "a b").run();
        assert!(ended.stderr.starts_with(&format!("error: {name} {problem}")), "{ended:?}");
        assert_eq!(ended.code, Some(2));
    }
}

#[test]
fn the_last_value_of_a_repeated_option_counts() {
    let args = ["sign", "J", "--json", "--json", "--region", "ap-a", "--region", "ap-b"];
    assert_eq!(cli(&args).run().json()["headers"]["x-tc-region"], "ap-b");
}

#[test]
fn endpoints_are_sites_hosts_or_urls() {
    for (spelling, uri) in [
        ("international", "https://tcss.intl.tencentcloudapi.com/"),
        ("Mainland", "https://tcss.tencentcloudapi.com/"),
        ("TCSS.Intl.TencentCloudAPI.com", "https://tcss.intl.tencentcloudapi.com/"),
        ("https://gw.example:8443/", "https://gw.example:8443/"),
        ("gw.example:443", "https://gw.example/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("http://[::1]:8080", "http://[::1]:8080/"),
    ] {
        assert_eq!(endpoint(spelling).json()["uri"], uri, "{spelling}");
    }
    assert_eq!(cli(&["sign", "J", "--json"]).run().json(), endpoint("international").json());
}

#[test]
fn bad_endpoints_are_refused_and_not_repeated() {
    for (spelling, expected) in [
        ("http://gw.example", "--endpoint must begin with https://"),
        ("ftp://gw.example", "--endpoint must begin with https://"),
        ("https://gw.example/path", "--endpoint must not have a path"),
        ("gw.example?EXAMPLEQUERY", "--endpoint must not have a query"),
        ("https://u:EXAMPLEQUERY@gw.example", "--endpoint must not have a user part"),
        ("gw.example:99999", "--endpoint has no valid port"),
        ("gw example", "--endpoint contains white space"),
        ("b\u{fc}cher.example", "--endpoint has no valid host name"),
    ] {
        let ended = endpoint(spelling);
        assert_eq!(ended.code, Some(2), "{spelling}");
        let message = ended.error()["message"].as_str().expect("a text").to_owned();
        assert!(message.starts_with(expected), "{spelling}: {message}");
        assert!(spelling.is_empty() || !message.contains(spelling), "{message}");
    }
}

#[test]
fn bad_arguments_are_refused() {
    refused(&["result"], "<JOB_ID>");
    refused(&["bogus"], "'bogus'");
    refused(&["help", "bogus"], "'bogus'");
    refused(&["result", "J", "K"], "'K'");
    refused(&["result", "J", "--bogus"], "'--bogus'");
    refused(&["result", ""], "job id is empty");
    refused(&["result", "J", "--region", "a_b"], "--region contains a character");
    refused(&["result", "J", "--language", "de"], "expected zh-CN or en-US");
    refused(&["--quiet"], "requires a subcommand");
    refused(&["replay"], "<FILE>");
    refused(&["wait", "J", "--force"], "--record <FILE>");
    refused(&["create", "--asset-type", "host"], "<--all|--id <N>>");
    refused(&["create", "--all"], "--asset-type <TYPE>");
    refused(&["create", "--asset-type", "host", "--all", "--id", "1"], "cannot be used with");
    refused(&["create", "--asset-type", "", "--all"], "a value is required");
    refused(&["create", "--other-asset-type", "", "--all"], "asset type is empty");
    let both = ["create", "--asset-type", "host", "--other-asset-type", "host", "--all"];
    refused(&both, "cannot be used with");
    refused(&["download", "-o", "f"], "a JOB_ID, --url or TCSS_EXPORT_URL is required");
    refused(&["download", "J"], "--output <FILE>");
    refused(&["download", "J", "--url", "https://h.example/", "-o", "f"], "cannot be used with");
    refused(&["download", "J", "-o", ""], "--output <FILE>");
    let url = ["download", "--url", "https://h.example/", "-o", "f"];
    refused(&[&url[..], &["--timeout", "1"]].concat(), "cannot be used with");
    refused(&["download", "--url", "", "-o", "f"], "--url is empty");
    refused(&["download", "--url", "-", "-o", "f"], "the URL on stdin is empty");
    refused(&["run", "--asset-type", "host", "--all"], "--output <FILE>");
}

#[test]
fn bad_numbers_are_refused() {
    let time = "expected a time like 30s, 5m, 1h30m or 90 (seconds)";
    for option in ["--timeout", "--interval"] {
        for value in [
            "-1",
            "NaN",
            "inf",
            "1e20",
            "1e300",
            "",
            "5x",
            "m",
            "1h ago",
            "1mo",
            "99999999999999999999h",
        ] {
            refused(&["wait", "J", option, value], time);
        }
    }
    for value in ["-1", "253402300800"] {
        refused(&["sign", "J", "--timestamp", value], "timestamp is out of range");
        refused(&["explain", "J", "--timestamp", value], "timestamp is out of range");
    }
    refused(&["sign", "J", "--timestamp", "1.5"], "expected whole seconds since 1970");
    let download = ["download", "J", "-o", "f"];
    for option in ["--stall", "--download-timeout"] {
        refused(&[&download[..], &[option, "-1"]].concat(), time);
        for none in ["0", "0s"] {
            refused(&[&download[..], &[option, none]].concat(), "expected a time above zero");
        }
    }
}

#[test]
fn a_bad_whole_number_is_refused_with_what_was_expected() {
    let not_whole = "expected a whole number that is not negative";
    let create = ["create", "--asset-type", "host", "--id"];
    let download = ["download", "J", "-o", "f", "--max-size"];
    for (command, bad, option) in [
        (&create[..], "1,,2", "--id <N>"),
        (&["jobs", "--limit"], "", "--limit <N>"),
        (&["jobs", "--offset"], "1.5", "--offset <N>"),
        (&download, "1k", "--max-size <BYTES>"),
        (&["serve", "--port"], "http", "--port <PORT>"),
        (&["serve", "--limit"], "", "--limit <N>"),
    ] {
        for bad in [bad, "-1", "x"] {
            refused(&[command, &[bad]].concat(), &format!("for '{option}': {not_whole}"));
        }
        let too_large = format!("for '{option}': the number is too large");
        refused(&[command, &["18446744073709551616"]].concat(), &too_large);
    }
    for limit in ["0", "101"] {
        refused(&["jobs", "--limit", limit], "for '--limit <N>': expected 1 to 100");
    }
    refused(&[&download[..], &["0"]].concat(), "for '--max-size <BYTES>': expected 1 or more");
    refused(&["serve", "--limit", "0"], "for '--limit <N>': expected 1 or more");
    for number in ["0", "17", "4294967297"] {
        let args = ["download", "J", "-o", "f", "--connections", number];
        refused(&args, "for '--connections <N>': expected 1 to 16");
    }
    refused(&["serve", "--port", "65536"], "for '--port <PORT>': expected 0 to 65535");
}

/// Checks the limits of a run by the command that it prints to continue with.
#[test]
fn a_time_is_written_with_units_or_as_seconds() {
    let service = service("ERROR:AuthFailure.UnauthorizedOperation");
    for (time, seconds) in [
        ("30s", "30"),
        ("5m", "300"),
        ("2h", "7200"),
        ("1h30m", "5400"),
        ("1.5 min", "90"),
        ("250ms", "0.25"),
        ("90", "90"),
        ("0.5", "0.5"),
    ] {
        let options = ["--timeout", "--interval", "--stall", "--download-timeout"];
        let args = options.iter().flat_map(|option| [option, time]);
        let args: Vec<_> = ["download", "J", "-o", "f", "--json"].into_iter().chain(args).collect();
        let ended = cli(&args).arg("--endpoint").arg(service.url()).run();
        let command = format!("{} ", ended.error()["command"].as_str().expect("a command"));
        for option in options {
            assert!(command.contains(&format!(" {option} {seconds} ")), "{command}");
        }
    }
}

#[test]
fn the_largest_times_are_accepted() {
    let service = service("SUCCESS");
    let args = ["wait", "J", "--timeout", "1e19", "--interval", "1e19", "--endpoint"];
    assert_eq!(cli(&args).arg(service.url()).run().code, Some(0));
    assert_eq!(cli(&["sign", "J", "--timestamp", "253402300799"]).run().code, Some(0));
    assert_eq!(cli(&["sign", "J", "--timestamp", "0"]).run().code, Some(0));
}

#[test]
fn a_bad_script_is_refused_and_the_step_is_named() {
    refused(&["serve", "--script", "RUNNING,WRONG"], "step 2 \"WRONG\": expected RUNNING");
    refused(
        &["serve", "--script", "SUCCESS:https://h.example/?EXAMPLEQUERY,SKEW:1"],
        "must follow",
    );
}

#[test]
fn a_bad_list_of_faults_is_refused_and_the_fault_is_named() {
    let serve = ["serve", "--file", "f", "--download-faults"];
    refused(&[&serve[..], &["OK,CUT"]].concat(), "fault 2 \"CUT\": expected a colon and a value");
    refused(&["serve", "--download-faults", "OK"], "--file <PATH>");
    refused(&["serve", "--create-faults", "LOSS"], "fault 1 \"LOSS\": expected OK, LOST, ");
}

#[test]
fn an_argument_that_is_not_utf8_is_refused() {
    let ended = cli(&["result", "--json"]).arg(OsStr::from_bytes(b"\xff")).run();
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(2), &json!("usage")));
}

#[test]
fn an_argument_cannot_control_the_terminal() {
    let ended = cli(&["\u{1b}[2J\u{9b}x"]).run();
    assert!(!ended.stderr.contains(['\u{1b}', '\u{9b}']), "{ended:?}");
}

#[test]
fn a_url_in_the_wrong_place_is_refused_without_showing_its_query() {
    let url = "https://h.example/a?q-sign-time=1;2&q-signature=EXAMPLEQUERY";
    let download = ["download", "-o", "f"];
    for wrong in [
        &[url][..],
        &["J", url],
        &["J", "--max-size", url],
        &["J", "--stall", url],
        &["J", "--timeout", url],
        &[&format!("--url={url}"), url],
        &[&format!("--uri={url}")],
        &["J", &format!("--force={url}")],
        &["--url", "h.example/a?q-signature=EXAMPLEQUERY"],
        &["--url", "file:///a?q-signature=EXAMPLEQUERY"],
        &["--url", "https://u:EXAMPLEQUERY@h.example:x/"],
    ] {
        refused(&[&download, wrong].concat(), "");
    }
    refused(&["wait", "J", "--timeout", url], "expected a time like");
}

#[test]
fn a_variable_that_is_not_utf8_is_named() {
    for name in ["TENCENTCLOUD_ENDPOINT", "TENCENTCLOUD_REGION"] {
        let ended = cli(&["sign", "J", "--json"]).env(name, OsStr::from_bytes(b"a\xff")).run();
        let error = ended.error();
        assert_eq!((ended.code, &error["hint"]), (Some(2), &json!(format!("{name} is not UTF-8"))));
    }
}
