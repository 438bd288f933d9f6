use serde_json::json;

use crate::support::{Cli, without_keys};

/// A demo where proxies lead nowhere and there are no roots.
fn demo(args: &[&str]) -> Cli {
    let nowhere = "http://127.0.0.1:9";
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
        .iter()
        .fold(without_keys(&[&["demo"], args].concat()), |cli, name| cli.env(name, nowhere))
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
}

#[test]
fn a_job_goes_from_running_to_success_through_verified_signatures() {
    let ended = demo(&[]).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("The job went from RUNNING to SUCCESS in "), "{ended:?}");
    let verified = "The service computed the signature of each request anew: 4 of 4 were right.\n";
    assert!(ended.stdout.contains(verified), "{ended:?}");
    let steps: Vec<_> = ended.stderr.lines().skip(2).map(str::trim_start).collect();
    let [first, second, third, fourth] = steps[..] else { panic!("{ended:?}") };
    assert_eq!([first, second], ["request 1: RUNNING 10 %", "request 2: RUNNING 55 %"]);
    assert!(third.starts_with("request 3: InternalError; next try in "), "{ended:?}");
    assert_eq!(fourth, "request 4: SUCCESS");
}

#[test]
fn json_and_quiet_hold_for_it_too() {
    let ended = demo(&["--json", "--quiet"]).run();
    let shown = ended.json();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert_eq!(shown["first_status"], "RUNNING");
    assert_eq!(shown["last_status"], "SUCCESS");
    assert_eq!((&shown["polls"], &shown["verified_signatures"]), (&json!(4), &json!(4)));
}
