//! Keys that the metadata service and STS issue, used over each transport.

use std::{error::Error, path::Path};

use tcss_export::{
    CredentialSource,
    actions::DescribeExportJobResult,
    credentials::{AssumeRole, Chain, ChainError, Source, SourceErrorKind},
    driver::TransportErrorKind,
    error::SendError,
};
use tcss_export_testkit::{
    Clock, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, KeyFault, KeyService, Service,
};

use crate::{
    chain,
    clients::{LIBRARIES, Library, Setup, job, run_on_client},
    files::write,
    folder::Folder,
};

const ROLE: &str = "qcs::cam::uin/100000000001:roleName/example";

const BASE: [(&str, &str); 2] = [
    ("TENCENTCLOUD_SECRET_ID", EXAMPLE_SECRET_ID),
    ("TENCENTCLOUD_SECRET_KEY", EXAMPLE_SECRET_KEY),
];

fn key_service() -> KeyService {
    KeyService::start(Clock::default()).expect("a free loopback port")
}

/// Starts a service that knows only the nth issued keys, or the example keys.
fn service(nth: usize) -> Service {
    let service = match nth {
        0 => Service::builder(),
        nth => {
            let [id, key, token] = KeyService::issued(nth);
            Service::builder().key(id, key).token(token)
        }
    };
    service.script("RUNNING".parse().unwrap()).start().expect("a free loopback port")
}

fn at(chain: Chain, keys: &KeyService) -> Chain {
    let endpoint = || keys.url().parse().unwrap();
    chain.with_metadata(endpoint()).with_sts(endpoint())
}

fn send(
    library: Library,
    credentials: impl Into<CredentialSource>,
    service: &Service,
) -> Result<(), SendError> {
    let client = Setup::new(library).client_with(credentials, &service.url(), &[]);
    let action = DescribeExportJobResult::new(job());
    run_on_client!(client, client => client.send(&action)).map(drop)
}

/// Sends a request with the nth issued keys over each transport.
#[track_caller]
fn accepted(source: &Source, variables: &[(&str, &str)], nth: usize, requests: &[&str]) {
    for library in LIBRARIES {
        let (keys, service) = (key_service(), service(nth));
        let chain = at(chain(vec![source.clone()], variables.to_vec()), &keys);
        send(*library, chain, &service).unwrap_or_else(|error| panic!("{library:?}: {error:?}"));
        assert_eq!(keys.seen(), requests, "{library:?}");
    }
}

const FOLDER: &str = "/latest/meta-data/cam/security-credentials/";
const KEYS: &str = "/latest/meta-data/cam/security-credentials/example-role";

#[test]
fn keys_of_this_machine_need_no_request() {
    accepted(&Source::Environment, &BASE, 0, &[]);
    let folder = Folder::new();
    let path = folder.at("credentials");
    let text =
        format!("[default]\nsecret_id={EXAMPLE_SECRET_ID}\nsecret_key={EXAMPLE_SECRET_KEY}\n");
    write(&path, text);
    accepted(&Source::File(Some(path)), &[], 0, &[]);
}

#[test]
fn keys_of_the_role_of_a_machine_are_accepted() {
    accepted(&Source::InstanceRole, &[], 1, &[FOLDER, KEYS]);
}

#[test]
fn keys_of_an_assumed_role_are_accepted() {
    let role = AssumeRole::new(Source::Environment, ROLE);
    accepted(&Source::AssumeRole(role), &BASE, 1, &["AssumeRole"]);
    let variables = [BASE[0], BASE[1], ("TENCENTCLOUD_ROLE_ARN", ROLE)];
    accepted(&Source::Environment, &variables, 1, &["AssumeRole"]);
}

// STS checks the token of the keys that assume the second role.
#[test]
fn a_role_may_be_assumed_by_another_role() {
    let of_machine = AssumeRole::new(Source::InstanceRole, ROLE);
    accepted(&Source::AssumeRole(of_machine), &[], 2, &[FOLDER, KEYS, "AssumeRole"]);
    let first = AssumeRole::new(Source::Environment, ROLE);
    let second = AssumeRole::new(Source::AssumeRole(first), ROLE);
    accepted(&Source::AssumeRole(second), &BASE, 2, &["AssumeRole", "AssumeRole"]);
}

fn pod(token_file: &Path) -> [(&'static str, &str); 4] {
    [
        ("TKE_REGION", "ap-singapore"),
        ("TKE_PROVIDER_ID", "cls-example"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", token_file.to_str().unwrap()),
        ("TKE_ROLE_ARN", ROLE),
    ]
}

#[test]
fn keys_of_the_identity_of_a_pod_are_accepted() {
    let folder = Folder::new();
    let token = folder.at("token");
    write(&token, "EXAMPLEPODTOKEN\n");
    accepted(&Source::WebIdentity, &pod(&token), 1, &["AssumeRoleWithWebIdentity"]);
}

#[test]
fn half_an_identity_of_a_pod_is_an_error() {
    let folder = Folder::new();
    let token = folder.at("token");
    let [region, _, file, role] = pod(&token);
    let error = |variables: &[(&str, &str)]| {
        let found = crate::ask(Source::WebIdentity, variables.to_vec()).unwrap_err();
        (found.kind(), found.tried()[0].to_string())
    };
    let text = |text: &str| format!("identity of a TKE pod: {text}");
    let unset = (SourceErrorKind::Broken, text("TKE_PROVIDER_ID is not set"));
    assert_eq!(error(&[region, file, role]), unset);
    let no_role = |kind| (kind, text("TKE_ROLE_ARN is not set"));
    assert_eq!(error(&[region]), no_role(SourceErrorKind::Absent));
    assert_eq!(error(&[file]), no_role(SourceErrorKind::Broken));
    assert_eq!(error(&[("TKE_PROVIDER_ID", "cls-example")]), no_role(SourceErrorKind::Broken));
    let no_region = (SourceErrorKind::Broken, text("TKE_REGION is not set"));
    assert_eq!(error(&[role, file, ("TKE_PROVIDER_ID", "cls-example")]), no_region);
    let odd =
        (SourceErrorKind::Broken, text("TKE_REGION contains a character that is not allowed"));
    assert_eq!(
        error(&[role, file, ("TKE_PROVIDER_ID", "cls-example"), ("TKE_REGION", "a b")]),
        odd
    );
    let file_of = |text: &str| {
        format!("identity of a TKE pod, TKE_WEB_IDENTITY_TOKEN_FILE: {}: {text}", token.display())
    };
    let missing = file_of("no such file");
    assert_eq!(error(&pod(&token)), (SourceErrorKind::Broken, missing));
    write(&token, "\n");
    let empty = file_of("expected a token");
    assert_eq!(error(&pod(&token)), (SourceErrorKind::Broken, empty));
}

#[test]
fn a_profile_of_tccli_may_name_a_role_of_the_machine_or_one_to_assume() {
    let folder = Folder::new();
    let profile = folder.at(".tccli/default.credential");
    let home = [("HOME", folder.path().to_str().unwrap())];
    write(&profile, r#"{"type":"cvm-role"}"#);
    accepted(&Source::TccliProfile(None), &home, 1, &[FOLDER, KEYS]);
    let keys = format!(
        r#"{{"secretId":"{EXAMPLE_SECRET_ID}","secretKey":"{EXAMPLE_SECRET_KEY}",
        "role-arn":"{ROLE}","role-session-name":"night"}}"#
    );
    write(&profile, keys);
    accepted(&Source::TccliProfile(None), &home, 1, &["AssumeRole"]);
    // Its settings name the endpoint.
    let issuer = key_service();
    let settings = format!(r#"{{"_sys_param":{{}},"sts":{{"endpoint":"{}"}}}}"#, issuer.url());
    write(&profile.with_extension("configure"), settings);
    let chain = chain(vec![Source::TccliProfile(None)], home.to_vec());
    send(LIBRARIES[0], chain, &service(1)).unwrap();
    assert_eq!(issuer.seen(), ["AssumeRole"]);
}

#[test]
fn a_wrong_clock_is_corrected_by_the_date_of_sts() {
    let clock = Clock::from_fn(|| Clock::default().now() + 3_600);
    for library in LIBRARIES {
        let keys = KeyService::start(clock.clone()).unwrap();
        let role = Source::AssumeRole(AssumeRole::new(Source::Environment, ROLE));
        let chain = at(chain(vec![role], BASE.to_vec()), &keys);
        send(*library, chain, &service(1)).unwrap();
        assert_eq!(keys.seen(), ["AssumeRole", "AssumeRole"]);
    }
}

/// Returns the error of a source whose service has a fault, over each transport.
#[track_caller]
fn failed(source: &Source, fault: KeyFault) -> (SourceErrorKind, String) {
    let results = LIBRARIES.iter().map(|library| {
        let keys = key_service();
        keys.set_fault(Some(fault));
        let chain = at(chain(vec![source.clone()], BASE.to_vec()), &keys);
        let error = send(*library, chain, &service(1)).unwrap_err();
        let SendError::Credentials(error) = error else { panic!("{error:?}") };
        let chain = error.source().and_then(|e| e.downcast_ref::<ChainError>()).unwrap();
        let expected = match chain.kind() {
            SourceErrorKind::Fault(kind) => kind,
            _ => TransportErrorKind::Permanent,
        };
        assert_eq!(error.kind(), expected);
        (chain.kind(), chain.tried().last().unwrap().to_string())
    });
    let results: Vec<_> = results.collect();
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
    results[0].clone()
}

const RETRYABLE: SourceErrorKind = SourceErrorKind::Fault(TransportErrorKind::Connection);
const REFUSED: SourceErrorKind = SourceErrorKind::Refused;

#[test]
fn faults_of_the_metadata_service_are_typed_errors() {
    let failed = |fault| failed(&Source::InstanceRole, fault);
    let text = |text: &str| format!("instance role: {text}");
    let timeout = SourceErrorKind::Fault(TransportErrorKind::Timeout);
    for silent in [KeyFault::Hang, KeyFault::Drip] {
        assert_eq!(failed(silent), (timeout, text("the request failed")), "{silent:?}");
    }
    let page = (RETRYABLE, text("the answer is not the name of a role"));
    assert_eq!(failed(KeyFault::Page), page);
    let none = (SourceErrorKind::Absent, text("the machine has no role"));
    assert_eq!(failed(KeyFault::NotFound), none);
    let refused = (RETRYABLE, text("the service answered InternalError"));
    assert_eq!(failed(KeyFault::Refuse), refused);
    let half = (RETRYABLE, text("the answer has no token"));
    assert_eq!(failed(KeyFault::WithoutToken), half);
    let old = (RETRYABLE, text("the issued keys have expired already"));
    assert_eq!(failed(KeyFault::Expired), old);
}

#[test]
fn faults_of_sts_are_typed_errors() {
    let role = Source::AssumeRole(AssumeRole::new(Source::Environment, ROLE));
    let failed = |fault| failed(&role, fault);
    let text = |text: &str| {
        let base = "environment, TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY";
        format!("{base}: STS: {text}")
    };
    let page = |status| text(&format!("expected JSON, got text/html (HTTP status {status})"));
    assert_eq!(failed(KeyFault::Page), (RETRYABLE, page(200)));
    assert_eq!(failed(KeyFault::NotFound), (RETRYABLE, page(404)));
    let refused = "the service answered InternalError: requested by a test \
                   (request id 00000000-7e57-4000-8000-000000000000)";
    assert_eq!(failed(KeyFault::Refuse), (RETRYABLE, text(refused)));
    assert_eq!(failed(KeyFault::WithoutToken), (RETRYABLE, text("the answer has no token")));
    let old = (RETRYABLE, text("the issued keys have expired already"));
    assert_eq!(failed(KeyFault::Expired), old);
}

#[test]
fn a_failed_step_names_the_source_that_it_is_of() {
    let folder = Folder::new();
    let (token, profile) = (folder.at("token"), folder.at(".tccli/default.credential"));
    write(&token, "EXAMPLEPODTOKEN\n");
    write(&profile, r#"{"type":"cvm-role"}"#);
    let home = [("HOME", folder.path().to_str().unwrap())];
    let of_machine = || Source::AssumeRole(AssumeRole::new(Source::InstanceRole, ROLE));
    let shown = |path: &Path| path.display().to_string();
    for (source, variables, fault, start) in [
        (
            Source::TccliProfile(None),
            &home[..],
            KeyFault::Refuse,
            format!("profile default of tccli, {}: instance role: the", shown(&profile)),
        ),
        (
            Source::WebIdentity,
            &pod(&token),
            KeyFault::Refuse,
            format!("identity of a TKE pod, {}: STS: the", shown(&token)),
        ),
        (of_machine(), &[], KeyFault::Hang, "instance role: the request failed".to_owned()),
    ] {
        let keys = key_service();
        keys.set_fault(Some(fault));
        let chain = at(chain(vec![source], variables.to_vec()), &keys);
        let error = send(LIBRARIES[0], chain, &service(1)).unwrap_err();
        let SendError::Credentials(error) = error else { panic!("{error:?}") };
        let chain = error.source().and_then(|e| e.downcast_ref::<ChainError>()).unwrap();
        let expected = format!("the credentials could not be obtained\n  {start}");
        assert!(chain.to_string().starts_with(&expected), "{chain}");
    }
}

#[test]
fn a_refused_key_of_the_base_is_permanent() {
    let keys = key_service();
    let role = Source::AssumeRole(AssumeRole::new(Source::Environment, ROLE));
    let unknown = vec![BASE[0], ("TENCENTCLOUD_SECRET_KEY", "EXAMPLEOTHERKEY")];
    let chain = at(chain(vec![role], unknown), &keys);
    let error = send(LIBRARIES[0], chain, &service(1)).unwrap_err();
    let SendError::Credentials(error) = error else { panic!("{error:?}") };
    let chain = error.source().and_then(|e| e.downcast_ref::<ChainError>()).unwrap();
    assert_eq!(chain.kind(), REFUSED);
    let text = chain.tried()[0].to_string();
    assert!(text.contains(": STS: the service answered AuthFailure.SignatureFailure"), "{text}");
}

#[cfg(feature = "ureq")]
#[test]
fn threads_over_ureq_cause_one_refresh() {
    use std::thread;
    use tcss_export::ureq::Ureq;

    let keys = key_service();
    let chain = at(chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new()), &keys);
    let ureq = Ureq::default().without_proxy();
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| smol::block_on(chain.find(&ureq, false)).unwrap());
        }
    });
    assert_eq!(keys.seen(), [FOLDER, KEYS]);
}

#[cfg(feature = "hyper")]
#[test]
fn tasks_over_hyper_cause_one_refresh() {
    use std::sync::Arc;
    use tcss_export::{Session, hyper::Client};

    let (keys, service) = (key_service(), service(1));
    let chain = at(chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new()), &keys);
    let chain = Arc::new(chain);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            // Each client has a budget of its own, so that they all start at once.
            let session = Session::new(service.url().parse().unwrap());
            let client = Client::new(session, Arc::clone(&chain));
            // `spawn` requires that the future is `Send`.
            tasks.spawn(async move {
                client.send(&DescribeExportJobResult::new(job())).await.map(drop)
            });
        }
        assert!(tasks.join_all().await.iter().all(Result::is_ok));
    });
    assert_eq!(keys.seen(), [FOLDER, KEYS]);
}
