//! `run --state`: a run that was killed, and what the next one does.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tcss_export_testkit::{Builder, ServedFile, Service};

use crate::support::{Cli, Ended, Folder, KEY, OTHER_KEY, TOKEN, builder, cli};

const CREATE: &str = "CreateExportComplianceStatusListJob";
const FIRST: &str = "00000000-7e57-4000-8000-000000000001";

fn serving(script: &str, faults: &str) -> Builder {
    let file = ServedFile::bytes("served.csv", "123456789");
    builder(script).file(file).create_faults(faults.parse().expect("faults"))
}

fn start(script: &str, faults: &str) -> Service {
    serving(script, faults).start().expect("a service")
}

/// A run with a state, and a folder for its files.
struct Night(Folder);

impl Night {
    fn new(name: &str) -> Self {
        Self(Folder::new(&format!("state-{name}")))
    }

    fn cli(&self, service: &Service, more: &[&str]) -> Cli {
        let (file, state) = (self.0.path("f"), self.0.path("s"));
        let args = ["run", "--asset-type", "host", "--all", "--interval", "0", "-o", &file];
        let args = [&args[..], &["--state", &state, "--endpoint", &service.url(), "--json"], more];
        cli(&args.concat())
    }

    fn run(&self, service: &Service, more: &[&str]) -> Ended {
        self.cli(service, more).run()
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&self.0.read("s")).expect("a state")
    }

    fn change(&self, member: &str, value: Value) {
        let mut state = self.state();
        *state.pointer_mut(member).expect("a member") = value;
        fs::write(self.0.path("s"), state.to_string()).expect("a file");
    }

    /// Lets the create of the state be too long ago to be under way.
    fn pass_time(&self) {
        self.change("/creation/at", json!(1_700_000_000_000_i64));
    }
}

/// Returns the number of jobs of the account.
fn created(service: &Service) -> usize {
    let jobs = cli(&["jobs", "--json", "--endpoint", &service.url()]).run().json();
    jobs["total_count"].as_u64().and_then(|count| count.try_into().ok()).expect("a number")
}

#[test]
fn a_create_that_was_throttled_is_repeated_until_it_succeeds() {
    let faults = "ERROR:RequestLimitExceeded,ERROR:RequestLimitExceeded,OK";
    for state in [true, false] {
        let night = Night::new("throttled");
        let service = start("SUCCESS", faults);
        let file = night.0.path("f");
        let ended = match state {
            true => night.run(&service, &[]),
            false => {
                let args = ["run", "--asset-type", "host", "--all", "-o", &file, "--endpoint"];
                cli(&[&args[..], &[&service.url(), "--json"]].concat()).run()
            }
        };
        assert_eq!((ended.code, created(&service)), (Some(0), 1), "{ended:?}");
        let line = "RequestLimitExceeded; throttled: backing off; retrying in ";
        assert_eq!(ended.stderr.matches(line).count(), 2, "{ended:?}");
        assert_eq!(night.0.read("f"), b"123456789");
    }
}

#[test]
fn without_time_a_throttled_create_ends_with_4_and_leaves_no_state() {
    let night = Night::new("no-time");
    let service = start("SUCCESS", "ERROR:RequestLimitExceeded");
    let ended = night.run(&service, &["--timeout", "0"]);
    assert_eq!((ended.code, &ended.error()["code"]), (Some(4), &json!("RequestLimitExceeded")));
    assert_eq!((created(&service), night.0.read("s")), (0, Vec::new()));
}

#[test]
fn a_complete_state_ends_at_once_with_the_same_result() {
    let night = Night::new("done");
    let service = start("RUNNING:10,SUCCESS", "OK");
    let first = night.run(&service, &[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let requests = service.seen().len();
    let second = night.run(&service, &[]);
    assert_eq!((second.code, second.json()), (Some(0), first.json()));
    assert_eq!(service.seen().len(), requests);
    let state = night.state();
    assert_eq!((&state["version"], &state["phase"]), (&json!(1), &json!("done")));
    assert_eq!((&state["result"]["bytes"], &state["result"]["job_id"]), (&json!(9), &json!(FIRST)));
    assert_eq!(state["result"]["crc64"], "11051210869376104954");
    let mode = fs::metadata(night.0.path("s")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let third = night.run(&service, &["--again", "--force"]);
    assert_eq!((third.code, created(&service)), (Some(0), 2), "{third:?}");
}

#[test]
fn a_complete_state_of_another_file_is_no_success() {
    let (night, service) = (Night::new("other-file"), start("SUCCESS", "OK"));
    assert_eq!(night.run(&service, &[]).code, Some(0));
    night.change("/result/file", json!("other"));
    let requests = service.seen().len();
    let ended = night.run(&service, &[]);
    let error = ended.error();
    assert_eq!((ended.code, service.seen().len()), (Some(2), requests), "{error}");
    assert!(error["message"].as_str().expect("a text").contains("other"), "{error}");
}

#[test]
fn the_report_goes_to_a_file_that_is_not_the_state() {
    let folder = Folder::new("state-output");
    let path = folder.path("s");
    let dotted = folder.path("./s");
    for (output, state) in [("-", &path), (&path, &path), (&path, &dotted)] {
        let args = ["run", "--asset-type", "host", "--all", "--force", "--json", "-o", output];
        let ended = cli(&[&args[..], &["--state", state]].concat()).run();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error()["message"].as_str().expect("a text").contains("--state"));
    }
    assert_eq!(folder.files(), [""; 0]);
}

#[test]
fn a_run_that_was_killed_during_the_wait_continues_with_its_job() {
    let night = Night::new("wait");
    let service = start("RUNNING:10,SUCCESS", "OK");
    let mut running = night.cli(&service, &["--interval", "600"]).start(2);
    running.signal_until_the_end("-KILL");
    assert_eq!(
        (&night.state()["phase"], &night.state()["job_id"]),
        (&json!("waiting"), &json!(FIRST))
    );
    let ended = night.run(&service, &[]);
    assert_eq!((ended.code, created(&service)), (Some(0), 1), "{ended:?}");
    assert!(ended.stderr.starts_with(&format!("continuing with job {FIRST}\n")), "{ended:?}");
    let state = night.0.read("s");
    let holds = |text: &str| state.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(![KEY, TOKEN, "q-sign", "Signature"].iter().any(|secret| holds(secret)));
}

/// Runs until the answer to the create is lost.
fn orphaned(name: &str, faults: &str) -> (Night, Service) {
    let (night, service) = (Night::new(name), start("SUCCESS", faults));
    let ended = night.run(&service, &[]);
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(5), &json!("transport")), "{error}");
    let hint = "run the same command again: it looks for the job before it creates another";
    assert_eq!((&error["hint"], &error["command"]), (&json!(hint), &Value::Null));
    assert_eq!(night.state()["phase"], "creating");
    (night, service)
}

#[test]
fn a_job_that_may_be_ours_is_never_adopted_or_replaced_without_an_option() {
    let (night, service) = orphaned("orphan", "LOST,OK");
    let refused = night.run(&service, &[]);
    let error = refused.error();
    assert_eq!((refused.code, created(&service)), (Some(2), 1), "{error}");
    let message = "an earlier run ended before it received the id of its job; new jobs";
    assert_eq!(error["message"], format!("{message}: {FIRST}"));
    assert!(error["hint"].as_str().expect("a hint").contains("--create-anew"), "{error}");
    let other = night.run(&service, &["--adopt", "J"]);
    assert_eq!((other.code, created(&service)), (Some(2), 1), "{other:?}");
    let adopted = night.run(&service, &["--adopt", FIRST]);
    assert_eq!((adopted.code, created(&service)), (Some(0), 1), "{adopted:?}");
    assert_eq!(adopted.json()["job_id"], FIRST);
}

#[test]
fn a_run_that_was_killed_after_it_adopted_a_job_continues_with_the_same_options() {
    let (night, service) =
        (Night::new("adopted"), start("RUNNING:10,RUNNING:20,SUCCESS", "LOST,OK"));
    assert_eq!(night.run(&service, &[]).code, Some(5));
    let mut running = night.cli(&service, &["--adopt", FIRST, "--interval", "600"]).start(2);
    running.signal_until_the_end("-KILL");
    assert_eq!(night.state()["phase"], "waiting");
    let other = night.run(&service, &["--adopt", "J"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    let ended = night.run(&service, &["--adopt", FIRST]);
    assert_eq!((ended.code, created(&service)), (Some(0), 1), "{ended:?}");
}

#[test]
fn a_single_new_job_is_adopted_with_the_option() {
    let (night, service) = orphaned("single", "LOST,OK");
    let adopted = night.run(&service, &["--adopt-single"]);
    assert_eq!((adopted.code, created(&service)), (Some(0), 1), "{adopted:?}");
}

/// The service lists at most a hundred of them.
#[test]
fn a_new_job_is_found_among_ten_thousand() {
    let lists = AtomicU32::new(0);
    let list = move |_: &_| {
        // The job of the lost answer is on the second list and later.
        let lost = (lists.fetch_add(1, Ordering::Relaxed) > 0).then(|| FIRST.to_owned());
        let old = (0..10_000).rev().map(|nth| format!("old-{nth}"));
        let jobs = lost.into_iter().chain(old).take(100).map(|id| json!({ "JobID": id }));
        json!({ "TotalCount": 10_000, "List": jobs.collect::<Vec<_>>() })
    };
    let service = serving("SUCCESS", "LOST,OK").action("DescribeExportJobManageList", list);
    let (night, service) = (Night::new("many"), service.start().expect("a service"));
    assert_eq!(night.run(&service, &[]).code, Some(5));
    assert_eq!(night.state()["creation"]["known"].as_array().map(Vec::len), Some(100));
    let adopted = night.run(&service, &["--adopt-single"]);
    assert_eq!((adopted.code, &adopted.json()["job_id"]), (Some(0), &json!(FIRST)), "{adopted:?}");
}

#[test]
fn two_new_jobs_are_not_adopted_with_the_option_for_one() {
    let (night, service) = orphaned("two", "LOST,OK");
    let url = service.url();
    let other = cli(&["create", "--asset-type", "host", "--all", "--endpoint", &url]).run();
    assert_eq!(other.code, Some(0));
    let refused = night.run(&service, &["--adopt-single"]);
    assert_eq!((refused.code, created(&service)), (Some(2), 2), "{refused:?}");
    assert!(refused.error()["message"].as_str().expect("a text").contains(FIRST));
}

#[test]
fn another_job_is_created_with_the_option() {
    let (night, service) = orphaned("anew", "LOST,OK");
    let anew = night.run(&service, &["--create-anew"]);
    assert_eq!((anew.code, created(&service)), (Some(0), 2), "{anew:?}");
}

#[test]
fn without_a_new_job_the_create_is_repeated_once_it_cannot_be_under_way() {
    let (night, service) = orphaned("dropped", "DROP,OK");
    night.pass_time();
    let ended = night.run(&service, &[]);
    assert_eq!((ended.code, created(&service)), (Some(0), 1), "{ended:?}");
}

#[test]
fn a_create_that_may_be_under_way_is_waited_for() {
    let (night, service) = orphaned("under-way", "DROP,OK");
    let running = night.cli(&service, &[]).start(1);
    assert_eq!(created(&service), 0);
    running.signal("-INT");
    let ended = running.end();
    assert!(ended.stderr.starts_with("an earlier create may be under way for "), "{ended:?}");
    assert_eq!((ended.code, created(&service)), (Some(130), 0));
    // The earlier run may have created one.
    assert_eq!(ended.error()["message"], "this run created no job");
}

#[test]
fn a_failed_job_leaves_no_state() {
    let night = Night::new("failed");
    let service = start("FAILURE:no assets", "OK");
    for jobs in 1..=2 {
        let ended = night.run(&service, &[]);
        assert_eq!((ended.code, created(&service), night.0.read("s")), (Some(1), jobs, Vec::new()));
    }
}

#[test]
fn without_the_list_no_job_is_created() {
    let night = Night::new("no-list");
    let refuse = |_: &_| json!({ "Error": { "Code": "UnauthorizedOperation", "Message": "no" } });
    let service = serving("SUCCESS", "OK").action("DescribeExportJobManageList", refuse);
    let service = service.start().expect("a service");
    let ended = night.run(&service, &[]);
    let error = ended.error();
    let seen = service.seen();
    let creates = seen.iter().filter(|seen| seen.action.as_deref() == Some(CREATE)).count();
    assert_eq!((ended.code, creates), (Some(4), 0), "{error}");
    let message = error["message"].as_str().expect("a text");
    assert!(
        message.ends_with("; this run created no job, because --state needs the list of jobs"),
        "{error}"
    );
}

#[test]
fn a_state_of_another_export_site_or_key_is_refused() {
    let (night, service) = orphaned("other", "LOST,OK");
    let stored = night.state();
    for (member, value, what) in [
        ("/creation/order/AssetType", json!("ASSET_IMAGE"), "export"),
        ("/creation/order/ExportByAsset", json!(true), "export"),
        ("/site", json!("https://gw.example"), "site"),
        ("/secret_id", json!("AKIDEXAMPLE"), "key"),
    ] {
        night.change(member, value);
        let ended = night.run(&service, &["--create-anew"]);
        let message = ended.error()["message"].as_str().expect("a text").to_owned();
        assert_eq!((ended.code, created(&service)), (Some(2), 1), "{message}");
        assert!(message.starts_with(&format!("the state is of another {what}: ")), "{message}");
        fs::write(night.0.path("s"), stored.to_string()).expect("a file");
    }
    // Each temporary key has another id.
    let service = serving("SUCCESS", "OK").key(OTHER_KEY, KEY).token(TOKEN);
    let service = service.start().expect("a service");
    night.change("/site", json!(service.url()));
    night.pass_time();
    let temporary = night.cli(&service, &[]).env("TENCENTCLOUD_SECRET_ID", OTHER_KEY);
    let ended = temporary.env("TENCENTCLOUD_TOKEN", TOKEN).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_file_that_is_no_usable_state_is_refused_before_any_request() {
    let service = start("SUCCESS", "OK");
    let night = Night::new("unusable");
    let path = night.0.path("s");
    let refused = |expected: &str| {
        let ended = night.run(&service, &[]);
        let message = ended.error()["message"].as_str().expect("a text").to_owned();
        assert_eq!((ended.code, service.seen().len()), (Some(7), 0), "{message}");
        assert!(message.starts_with(&path) && message.contains(expected), "{message}");
    };
    for (text, expected) in [
        ("{\"version\":1,\"site\":", "EOF"),
        ("{\"version\":2}", "expected version 1, got version 2"),
        ("[]", "expected version 1, got version null"),
        ("{\"version\":1}", "missing field"),
        ("\u{0}", "expected value"),
    ] {
        fs::write(&path, text).expect("a file");
        refused(expected);
        assert_eq!(night.0.read("s"), text.as_bytes());
    }
    let locked = File::open(&path).expect("a file");
    locked.lock().expect("a lock");
    refused("is in use by another run");
    drop(locked);
    fs::remove_file(&path).expect("a file");
    fs::create_dir(&path).expect("a folder");
    refused("it is not a regular file");
    fs::remove_dir(&path).expect("a folder");
    std::os::unix::fs::symlink(night.0.path("target"), &path).expect("a link");
    refused("it is not a regular file");
    assert_eq!(night.0.files(), ["s"]);
}

#[test]
fn an_interrupted_run_names_the_command_that_continues() {
    let night = Night::new("interrupted");
    let service = start("RUNNING:10,HANG,SUCCESS", "OK");
    let running = night.cli(&service, &["--by-asset"]).start(2);
    // A second signal would end it without a message.
    running.signal("-INT");
    let error = running.end().error();
    let expected = format!(
        "tcss-export run --asset-type ASSET_HOST --by-asset --all -o {} --interval 0 --endpoint {} \
         --state {}",
        night.0.path("f"),
        service.url(),
        night.0.path("s")
    );
    assert_eq!((&error["job_id"], &error["command"]), (&json!(FIRST), &json!(expected)));
}

#[test]
fn the_options_about_a_state_need_one_and_exclude_each_other() {
    let run = ["run", "--asset-type", "host", "--all", "-o", "f", "--json"];
    for more in [
        &["--again"][..],
        &["--adopt", "J"],
        &["--adopt-single"],
        &["--create-anew"],
        &["--state", "s", "--adopt", "J", "--create-anew"],
        &["--state", "s", "--adopt-single", "--create-anew"],
    ] {
        assert_eq!(cli(&[&run[..], more].concat()).run().code, Some(2), "{more:?}");
    }
    let night = Night::new("no-orphan");
    let ended = night.run(&start("SUCCESS", "OK"), &["--adopt", "J"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

/// A run that is killed after the second request must not count from the first one.
#[test]
fn the_state_has_the_time_of_the_last_create() {
    let night = Night::new("time");
    let service = start("SUCCESS", "ERROR:RequestLimitExceeded,OK");
    let start = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis();
    assert_eq!(night.run(&service, &[]).code, Some(0));
    let at = night.state()["creation"]["at"].as_u64().expect("a time");
    // The shortest pause after a throttled request.
    assert!(u128::from(at) >= start + 500, "{at} {start}");
}

/// Answers with this list from the second one on; the first one is empty.
fn listing(second: Value) -> Service {
    let lists = AtomicU32::new(0);
    let list = move |_: &_| match lists.fetch_add(1, Ordering::Relaxed) {
        0 => json!({ "TotalCount": 0, "List": [] }),
        _ => second.clone(),
    };
    let service = serving("SUCCESS", "LOST,OK").action("DescribeExportJobManageList", list);
    service.start().expect("a service")
}

fn creates(service: &Service) -> usize {
    let seen = service.seen();
    seen.iter().filter(|seen| seen.action.as_deref() == Some(CREATE)).count()
}

/// It may lack the job of the lost answer.
#[test]
fn after_an_incomplete_list_nothing_is_created() {
    for list in [
        json!({ "TotalCount": 1, "List": [] }),
        json!({ "TotalCount": 1, "List": null }),
        json!({ "TotalCount": 3, "List": [{ "JobID": "A" }, { "JobID": "B" }] }),
        json!({ "TotalCount": 1, "List": [{ "JobID": null }] }),
        json!({ "TotalCount": 2, "List": [{ "JobID": "A" }, null] }),
    ] {
        let (night, service) = (Night::new("incomplete"), listing(list.clone()));
        assert_eq!(night.run(&service, &[]).code, Some(5), "{list}");
        night.pass_time();
        for more in [&[][..], &["--adopt-single"]] {
            let ended = night.run(&service, more);
            assert_eq!((ended.code, creates(&service)), (Some(6), 1), "{list} {ended:?}");
        }
        assert_eq!(night.state()["phase"], "creating");
    }
}

#[test]
fn a_job_that_is_listed_twice_is_one_job() {
    let twice = json!([{ "JobID": FIRST }, { "JobID": FIRST }]);
    let service = listing(json!({ "TotalCount": 2, "List": twice }));
    let night = Night::new("twice");
    assert_eq!(night.run(&service, &[]).code, Some(5));
    let adopted = night.run(&service, &["--adopt-single"]);
    assert_eq!((adopted.code, creates(&service)), (Some(0), 1), "{adopted:?}");
}

/// Takes half a minute, the time for which a create may be under way.
#[test]
fn after_the_clock_was_set_back_a_create_is_waited_for_only_once() {
    let (night, service) = orphaned("clock", "DROP,OK");
    night.change("/creation/at", json!(4_000_000_000_000_i64));
    let ended = night.run(&service, &[]);
    assert_eq!(ended.stderr.matches("may be under way").count(), 1, "{ended:?}");
    assert_eq!((ended.code, created(&service)), (Some(0), 1), "{ended:?}");
}

/// The temporary file of a killed run, or what another user has put there.
#[test]
fn what_is_in_the_way_of_the_temporary_file_is_replaced_and_not_followed() {
    for kind in ["text", "link", "dangling", "hard"] {
        let (night, service) = (Night::new(kind), start("SUCCESS", "OK"));
        let (new, other) = (night.0.path("s.new"), night.0.path("other"));
        fs::write(&other, "precious").expect("a file");
        fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).expect("a mode");
        match kind {
            "text" => fs::copy(&other, &new).map(drop),
            "link" => std::os::unix::fs::symlink(&other, &new),
            "dangling" => std::os::unix::fs::symlink(night.0.path("nowhere"), &new),
            _ => fs::hard_link(&other, &new),
        }
        .expect("an obstacle");
        let ended = night.run(&service, &[]);
        assert_eq!((ended.code, night.0.read("other")), (Some(0), b"precious".to_vec()), "{kind}");
        let found = fs::symlink_metadata(night.0.path("s")).expect("a state");
        assert!(found.is_file() && found.permissions().mode() & 0o777 == 0o600, "{kind}");
        assert_eq!(night.0.files(), ["f", "other", "s"], "{kind}");
    }
}

#[test]
fn a_state_and_an_output_that_share_a_file_are_refused_before_any_request() {
    let service = start("SUCCESS", "OK");
    // The name of a part has at most 255 bytes, as that of its metadata has.
    let (long, cut) = ("a".repeat(255), format!(".{}.part", "a".repeat(244)));
    let long = (&*long, &*cut);
    for (output, state) in
        [("f", "f"), ("s.new", "s"), ("f", ".f.part"), ("f", ".f.part.json"), long]
    {
        let night = Night::new("shared");
        // Another way to write the same folder.
        let (output, state) = (night.0.path(output), night.0.path(&format!("./{state}")));
        let run = ["run", "--asset-type", "host", "--all", "--force", "--json", "-o", &output];
        let more = ["--state", &state, "--endpoint", &service.url()];
        let ended = cli(&[&run[..], &more].concat()).run();
        assert_eq!((ended.code, service.seen().len()), (Some(2), 0), "{ended:?}");
        assert!(night.0.files().is_empty(), "{output} {state}");
    }
}

#[test]
fn the_state_of_an_export_with_very_many_ids_can_be_read_again() {
    let (night, service) = (Night::new("ids"), start("SUCCESS", "OK"));
    // The longest argument that Linux accepts has 128 KiB.
    let ids = vec![u64::MAX.to_string(); 5_900].join(",");
    let (file, state, url) = (night.0.path("f"), night.0.path("s"), service.url());
    let run = ["run", "--asset-type", "host", "-o", &file, "--state", &state, "--endpoint", &url];
    let run = [&run[..], &["--json"], &["--id", &ids].repeat(12)].concat();
    for _ in 0..2 {
        let ended = cli(&run).run();
        assert_eq!((ended.code, creates(&service)), (Some(0), 1), "{}", ended.stderr);
    }
}
