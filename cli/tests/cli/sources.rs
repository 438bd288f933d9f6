//! Where the key comes from: each source alone, as in a container that has nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tcss_export_testkit::{
    Clock, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, KeyFault, KeyService, SeenAnswer, ServedFile,
    Service,
};

use crate::support::{Cli, Ended, Folder, ID, KEY, TOKEN, cli, without_keys};

const ROLE: &str = "qcs::cam::uin/100000000001:roleName/example";

/// A home folder, and the services that are at hand.
struct Machine {
    home: Folder,
    keys: KeyService,
}

impl Machine {
    fn new(name: &str) -> Self {
        let keys = KeyService::start(Clock::default()).expect("a service");
        Self { home: Folder::new(&format!("source-{name}")), keys }
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = std::path::PathBuf::from(self.home.path(path));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    }

    fn cli(&self, args: &[&str]) -> Cli {
        let cli = without_keys(args).env("HOME", self.home.path(""));
        cli.env("TCSS_EXPORT_KEY_SERVICE", self.keys.url())
    }

    /// Runs an export with this id, key and token only.
    fn export(&self, expected: [&str; 3], more: &[&str], variables: &[(&str, &str)]) -> Ended {
        let file = ServedFile::bytes("served.csv", "123456789");
        let [id, key, token] = expected;
        let service = Service::builder().key(id, key).script("SUCCESS".parse().expect("a script"));
        let service = if token.is_empty() { service } else { service.token(token) };
        let service = service.file(file).start().expect("a service");
        let output = self.home.path("report.csv");
        let run = ["run", "--asset-type", "host", "--all", "-o", &output, "--endpoint"];
        let cli = self.cli(&[&run[..], &[&*service.url()], more].concat());
        let ended = variables.iter().fold(cli, |cli, (name, value)| cli.env(name, value)).run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(self.home.read("report.csv"), b"123456789");
        for secret in [key, token].iter().filter(|secret| !secret.is_empty()) {
            assert!(!format!("{ended:?}").contains(secret));
        }
        ended
    }

    fn exported_with_issued(&self, nth: usize, more: &[&str], variables: &[(&str, &str)]) {
        let [id, key, token] = KeyService::issued(nth);
        self.export([&id, &key, &token], more, variables);
    }
}

/// A profile of tccli with the key that may assume roles.
fn role_profile() -> String {
    json!({
        "secretId": EXAMPLE_SECRET_ID, "secretKey": EXAMPLE_SECRET_KEY,
        "role-arn": ROLE, "role-session-name": "example",
    })
    .to_string()
}

fn profile() -> String {
    json!({ "secretId": ID, "secretKey": KEY }).to_string()
}

#[test]
fn an_export_runs_with_a_pair_of_the_environment() {
    let machine = Machine::new("environment");
    let pair = [("TENCENTCLOUD_SECRET_ID", ID), ("TENCENTCLOUD_SECRET_KEY", KEY)];
    machine.export([ID, KEY, ""], &[], &pair);
    assert!(machine.keys.seen().is_empty());
}

#[test]
fn an_export_runs_with_a_role_that_the_environment_assumes() {
    let machine = Machine::new("environment-role");
    let variables = [
        ("TENCENTCLOUD_SECRET_ID", EXAMPLE_SECRET_ID),
        ("TENCENTCLOUD_SECRET_KEY", EXAMPLE_SECRET_KEY),
        ("TENCENTCLOUD_ROLE_ARN", ROLE),
    ];
    machine.exported_with_issued(1, &[], &variables);
    assert_eq!(machine.keys.seen(), ["AssumeRole"]);
}

#[test]
fn an_export_runs_with_the_file_of_the_sdks() {
    let machine = Machine::new("file");
    let text = format!("[default]\nsecret_id = {ID}\nsecret_key = {KEY}\ntoken = {TOKEN}\n");
    machine.write(".tencentcloud/credentials", &text);
    machine.export([ID, KEY, TOKEN], &[], &[]);
    let machine = Machine::new("named-file");
    machine.write("keys.ini", &text);
    let path = machine.home.path("keys.ini");
    machine.export([ID, KEY, TOKEN], &[], &[("TENCENTCLOUD_CREDENTIALS_FILE", &path)]);
}

#[test]
fn an_export_runs_with_a_profile_of_tccli() {
    let machine = Machine::new("profile");
    machine.write(".tccli/default.credential", profile());
    machine.export([ID, KEY, ""], &[], &[]);
    for (number, name) in ["TCCLI_PROFILE", "TENCENTCLOUD_PROFILE"].iter().enumerate() {
        let machine = Machine::new(&format!("profile-{number}"));
        machine.write(".tccli/night.credential", profile());
        machine.export([ID, KEY, ""], &[], &[(name, "night")]);
    }
}

#[test]
fn a_profile_that_is_named_by_option_precedes_the_environment() {
    let machine = Machine::new("profile-option");
    machine.write(".tccli/night.credential", profile());
    let others = [("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE"), ("TENCENTCLOUD_SECRET_KEY", "OTHER")];
    machine.export([ID, KEY, ""], &["--profile", "night"], &others);
}

#[test]
fn an_export_runs_with_a_role_that_a_profile_assumes() {
    let machine = Machine::new("profile-role");
    machine.write(".tccli/default.credential", role_profile());
    machine.exported_with_issued(1, &[], &[]);
    assert_eq!(machine.keys.seen(), ["AssumeRole"]);
}

#[test]
fn an_export_runs_with_the_role_of_the_machine() {
    let machine = Machine::new("machine");
    machine.exported_with_issued(1, &["--instance-role"], &[]);
    let machine = Machine::new("machine-profile");
    machine.write(".tccli/default.credential", r#"{"type":"cvm-role"}"#);
    machine.exported_with_issued(1, &[], &[]);
    let shown = machine.cli(&["credentials", "--json"]).run().json();
    let path = machine.home.path(".tccli/default.credential");
    let source = format!("instance role example-role, chosen by profile default of tccli, {path}");
    assert_eq!(shown["source"], source);
}

/// As of a script whose variable is not set.
#[test]
fn an_empty_name_of_a_profile_is_refused() {
    let machine = Machine::new("profile-empty");
    machine.write(".tccli/default.credential", profile());
    let ended = machine.cli(&["credentials", "--json", "--profile", ""]).run();
    let message = "a value is required for '--profile <NAME>' but none was supplied";
    assert_eq!((ended.code, &ended.error()["message"]), (Some(2), &json!(message)));
}

#[test]
fn the_hint_about_sts_names_no_option_for_its_address() {
    let machine = Machine::new("sts-closed");
    machine.write(".tccli/default.credential", profile());
    // Nothing can listen on this port.
    let cli = machine.cli(&["credentials", "--check", "--json"]);
    let ended = cli.env("TCSS_EXPORT_KEY_SERVICE", "http://127.0.0.1:1").run();
    assert_eq!(
        (ended.code, &ended.error()["hint"]),
        (Some(5), &json!("check the network and the firewall"))
    );
}

#[test]
fn an_export_runs_with_the_identity_of_a_pod() {
    let machine = Machine::new("pod");
    machine.write("token", "EXAMPLEPODTOKEN\n");
    let token = machine.home.path("token");
    let variables = [
        ("TKE_REGION", "ap-singapore"),
        ("TKE_PROVIDER_ID", "cls-example"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", &*token),
        ("TKE_ROLE_ARN", ROLE),
    ];
    machine.exported_with_issued(1, &[], &variables);
    assert_eq!(machine.keys.seen(), ["AssumeRoleWithWebIdentity"]);
}

#[test]
fn without_a_key_the_sources_are_listed_and_nothing_is_sent() {
    let machine = Machine::new("none");
    let home = machine.home.path("");
    let ended = machine.cli(&["jobs"]).run();
    let expected = format!(
        "error: no key was found\n  \
         tried  environment: TENCENTCLOUD_SECRET_ID is not set\n  \
         tried  credentials file: {home}.tencentcloud/credentials: no such file; \
         /etc/tencentcloud/credentials: no such file\n  \
         tried  profile default of tccli, {home}.tccli/default.credential: no such file\n  \
         tried  identity of a TKE pod: TKE_ROLE_ARN is not set\n  \
         hint   set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or use --profile or \
         --instance-role; the demo command needs no key\n"
    );
    assert_eq!((ended.code, &*ended.stderr), (Some(2), &*expected));
    let error = machine.cli(&["jobs", "--json"]).run().error();
    assert_eq!(error["tried"].as_array().map(Vec::len), Some(4));
    assert_eq!(error["tried"][0], "environment: TENCENTCLOUD_SECRET_ID is not set");
    assert!(machine.keys.seen().is_empty());
}

#[test]
fn a_source_that_cannot_be_used_is_an_error() {
    let machine = Machine::new("broken");
    let refused = |args: &[&str]| {
        let ended = machine.cli(args).run();
        let error = ended.error();
        assert_eq!(
            (ended.code, &error["kind"], &error["tried"]),
            (Some(2), &json!("usage"), &Value::Null)
        );
        error["message"].as_str().expect("a text").replace(&machine.home.path(""), "~/")
    };
    let jobs = ["jobs", "--json"];
    let night = ["jobs", "--json", "--profile", "night"];
    let place = "profile night of tccli, ~/.tccli/night.credential";
    assert_eq!(refused(&night), format!("{place}: no such file"));
    machine.write(".tccli/night.credential", "{");
    assert_eq!(refused(&night), format!("{place}: line 1: the file is not JSON"));
    fs::create_dir_all(machine.home.path(".tencentcloud/credentials")).expect("a folder");
    assert_eq!(refused(&jobs), "~/.tencentcloud/credentials: not a regular file");
    fs::remove_dir(machine.home.path(".tencentcloud/credentials")).expect("it is empty");
    let large = fs::File::create(machine.home.path(".tencentcloud/credentials")).expect("a file");
    large.set_len(1 << 30).expect("a size");
    assert_eq!(refused(&jobs), "~/.tencentcloud/credentials: the file is larger than 64 KiB");
    assert!(machine.keys.seen().is_empty());
}

#[test]
fn faults_of_the_services_that_issue_keys_have_a_hint_and_their_exit_codes() {
    let machine = Machine::new("faults");
    for (fault, code, message) in [
        (KeyFault::Hang, 5, "instance role: the request failed: "),
        (KeyFault::Page, 5, "instance role: the answer is not the name of a role"),
        (KeyFault::NotFound, 2, "no key was found"),
        (KeyFault::WithoutToken, 5, "instance role: the answer has no token"),
    ] {
        machine.keys.set_fault(Some(fault));
        let ended = machine.cli(&["jobs", "--json", "--instance-role"]).run();
        let error = ended.error();
        let shown = error["message"].as_str().expect("a text");
        assert_eq!(ended.code, Some(code), "{fault:?}: {error}");
        assert!(shown.starts_with(message), "{fault:?}: {error}");
        assert!(error["hint"].is_string());
    }
    machine.keys.set_fault(None);
    machine.write(".tccli/default.credential", role_profile().replace(EXAMPLE_SECRET_KEY, KEY));
    let ended = machine.cli(&["jobs", "--json"]).run();
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(4), &json!("api")));
    let message = ended.error()["message"].to_string();
    assert!(
        message.contains("STS: the service answered AuthFailure.SignatureFailure"),
        "{message}"
    );
}

#[test]
fn the_address_of_the_services_that_issue_keys_must_be_loopback() {
    let machine = Machine::new("override");
    for url in ["http://192.0.2.1", "https://sts.example", "x y"] {
        let ended = machine.cli(&["jobs", "--json"]).env("TCSS_EXPORT_KEY_SERVICE", url).run();
        let message = "TCSS_EXPORT_KEY_SERVICE is not a loopback address";
        assert_eq!((ended.code, &ended.error()["message"]), (Some(2), &json!(message)));
    }
}

#[test]
fn credentials_shows_the_source_and_the_owner_and_never_the_key() {
    let machine = Machine::new("shown");
    machine.write(".tccli/default.credential", role_profile());
    machine.write(".tccli/default.configure", r#"{"_sys_param":{"region":"ap-singapore"}}"#);
    let ended = machine.cli(&["credentials", "--check", "--json"]).run();
    let mut shown = ended.json();
    let expires = shown["expires"].take();
    assert!(expires.as_i64().is_some_and(|at| at > 1_700_000_000), "{expires}");
    let owner = shown["owner"].take();
    let path = machine.home.path(".tccli/default.credential");
    let expected = json!({
        "source": format!("role {ROLE}, assumed by profile default of tccli, {path}"),
        "secret_id": "AKIDEXAM***ED-1", "has_token": true, "expires": null, "warning": null,
        "owner": null,
    });
    assert_eq!((ended.code, shown), (Some(0), expected));
    assert_eq!(owner["account_id"], "100000000001");
    assert_eq!(owner["arn"], "qcs::cam::uin/100000000001:uin/100000000002");
    assert_eq!(machine.keys.seen(), ["AssumeRole", "GetCallerIdentity"]);
    let [_, key, token] = KeyService::issued(1);
    assert!(!ended.stdout.contains(&key) && !ended.stdout.contains(&token));
}

#[test]
fn a_test_service_is_asked_whose_key_it_is_in_place_of_sts() {
    let service = crate::support::service("RUNNING");
    let args = ["credentials", "--check", "--json", "--endpoint", &service.url()];
    let ended = cli(&args).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json()["owner"]["account_id"], "100000000001");
    let answers: Vec<_> = service.seen().into_iter().map(|seen| seen.answer).collect();
    assert_eq!(answers, [SeenAnswer::GivenOwner]);
}

#[test]
fn the_region_of_the_profile_in_use_is_sent() {
    let machine = Machine::new("region");
    machine.write(".tccli/default.credential", profile());
    machine.write(".tccli/default.configure", r#"{"_sys_param":{"region":"ap-singapore"}}"#);
    let region = |cli: Cli| cli.run().json()["headers"]["x-tc-region"].clone();
    assert_eq!(region(machine.cli(&["sign", "J", "--json"])), "ap-singapore");
    let given = machine.cli(&["sign", "J", "--json", "--region", "ap-x"]);
    assert_eq!(region(given), "ap-x");
    let pair = machine.cli(&["sign", "J", "--json"]).env("TENCENTCLOUD_SECRET_ID", ID);
    assert_eq!(region(pair.env("TENCENTCLOUD_SECRET_KEY", KEY)), Value::Null);
}

#[test]
fn a_file_that_others_can_read_gives_a_warning() {
    let machine = Machine::new("mode");
    machine.write(".tccli/default.credential", profile());
    let path = machine.home.path(".tccli/default.credential");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("its mode");
    let warning = format!("{path} is accessible to other users: set its mode to 0600");
    assert_eq!(machine.cli(&["credentials", "--json"]).run().json()["warning"], *warning);
    let service = crate::support::service("RUNNING");
    let result = ["result", "J", "--endpoint", &service.url()];
    let ended = machine.cli(&result).run();
    assert_eq!((ended.code, ended.stderr), (Some(0), format!("warning: {warning}\n")));
    let quiet = machine.cli(&[&result[..], &["--quiet"]].concat()).run();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_path_in_a_warning_cannot_control_a_terminal() {
    let machine = Machine::new("control");
    machine.write("\u{1b}[2J/.tccli/default.credential", profile());
    let home = machine.home.path("\u{1b}[2J");
    let path = format!("{home}/.tccli/default.credential");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("its mode");
    let service = crate::support::service("RUNNING");
    let result = machine.cli(&["result", "J", "--endpoint", &service.url()]);
    let ended = result.env("HOME", home).run();
    let shown = path.replace('\u{1b}', "\u{fffd}");
    assert!(ended.stderr.starts_with(&format!("warning: {shown} is accessible")), "{ended:?}");
}

#[test]
fn a_wrong_region_of_a_profile_is_reported_with_its_file() {
    let machine = Machine::new("wrong-region");
    machine.write(".tccli/default.credential", profile());
    machine.write(".tccli/default.configure", r#"{"_sys_param":{"region":"ap x"}}"#);
    let ended = machine.cli(&["sign", "J", "--json"]).run();
    let path = machine.home.path(".tccli/default.configure");
    let message = format!("{path}: region contains a character that is not allowed");
    assert_eq!((ended.code, &ended.error()["message"]), (Some(2), &json!(message)));
}

#[test]
fn a_hint_names_the_file_of_the_refused_key() {
    let machine = Machine::new("hint");
    machine.write(
        ".tccli/default.credential",
        json!({ "secretId": ID, "secretKey": "EXAMPLE" }).to_string(),
    );
    let service = crate::support::service("RUNNING");
    let ended = machine.cli(&["result", "J", "--json", "--endpoint", &service.url()]).run();
    let path = machine.home.path(".tccli/default.credential");
    let source = format!("; source of the key: profile default of tccli, {path}");
    let hint = ended.error()["hint"].as_str().expect("a hint").to_owned();
    assert!(hint.ends_with(&source), "{hint}");
}
