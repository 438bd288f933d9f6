//! Nothing secret is ever printed (field cases K3 and D11): every public type that can hold a
//! secret is shown in both ways, down its whole chain of sources, and searched.

mod common;

use std::{
    error::Error,
    fmt::{Debug, Display},
    time::Duration,
};

use bytes::Bytes;
use common::{
    ID, KEY, SIGNATURE, TIME, TOKEN, action, at, job, read, response, session, signature,
    with_token,
};
use http::{Request, Response};
use tcss_export::{
    Credentials, DownloadUrl, Endpoint, Mono, Now, Outcome, Policy, SendFault, Session, Waiter,
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization,
    },
};

const QUERY: &str = "q-signature=ExampleQuery0001";
const URL: &str = "https://h.example/a.csv?q-signature=ExampleQuery0001";

const SECRETS: [&str; 4] = [KEY, TOKEN, SIGNATURE, QUERY];

/// Fails if a text holds one of the secrets, or digits that could be a signature.
#[track_caller]
fn assert_clean(text: &str) {
    assert_holds_no_secret(text);
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit());
    assert!(!words.any(|word| word.len() >= 64), "64 hex digits in {text}");
}

#[track_caller]
fn assert_holds_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[track_caller]
fn assert_debug_clean(value: &impl Debug) {
    assert_clean(&format!("{value:?}"));
    assert_clean(&format!("{value:#?}"));
}

#[track_caller]
fn assert_shown_clean<T: Debug + Display>(value: &T) {
    assert_debug_clean(value);
    assert_clean(&value.to_string());
}

/// Looks through an error and all its sources.
#[track_caller]
fn assert_chain_clean(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_clean(&format!("{error:?}"));
        assert_clean(&format!("{error:#?}"));
        assert_clean(&error.to_string());
        next = error.source();
    }
}

fn request() -> Request<Bytes> {
    let request = session().request(&action(), &with_token(), at(TIME)).unwrap();
    assert_eq!(signature(&request), SIGNATURE);
    assert_eq!(request.headers()["x-tc-token"], TOKEN);
    request
}

fn now(seconds: u64) -> Now {
    let mono = Mono::from_origin(Duration::from_secs(seconds));
    Now { wall: at(TIME + i64::try_from(seconds).unwrap()), mono }
}

/// The search itself would notice each of the secrets.
mod search {
    use super::*;

    #[test]
    #[should_panic(expected = "FieldCasesSecretKey0001 in")]
    fn finds_a_secret_key() {
        assert_clean(&format!("key: {KEY}"));
    }

    #[test]
    #[should_panic(expected = "FieldCasesToken0001 in")]
    fn finds_a_token() {
        assert_clean(&format!("{:?}", request().headers()["x-tc-token"].to_str()));
    }

    #[test]
    #[should_panic(expected = "64 hex digits in")]
    fn finds_any_signature() {
        assert_clean(&format!("Signature={}", "0f".repeat(32)));
    }

    #[test]
    #[should_panic(expected = "q-signature=ExampleQuery0001 in")]
    fn finds_the_query_of_a_url() {
        assert_clean(DownloadUrl::new(URL).unwrap().as_str());
    }
}

mod before_sending {
    use super::*;

    #[test]
    fn k3_credentials() {
        assert_debug_clean(&with_token());
        assert!(format!("{:?}", with_token()).contains(ID));
    }

    #[test]
    fn k3_credentials_in_other_values() {
        assert_debug_clean(&Some(vec![with_token()]));
    }

    #[test]
    fn k3_errors_of_credentials() {
        for bad in ["\n", " ", "\u{fc}"] {
            assert_chain_clean(&Credentials::new(ID, format!("{KEY}{bad}")).unwrap_err());
            assert_chain_clean(&with_token().with_token(format!("{TOKEN}{bad}")).unwrap_err());
        }
    }

    #[test]
    fn k3_session_that_has_signed() {
        let mut session = session();
        assert_debug_clean(&session);
        session.request(&action(), &with_token(), at(TIME)).unwrap();
        assert_debug_clean(&session);
    }

    // `http::Request` shows its headers; those marked sensitive are hidden by it.
    #[test]
    fn k3_built_request() {
        assert_debug_clean(&request());
        assert_debug_clean(request().headers());
        assert_debug_clean(&request().into_parts().0);
    }

    #[test]
    fn k3_errors_of_signing() {
        let mut session = session();
        let prepared = session.prepare(&action()).unwrap();
        let bad_time = session.sign(&prepared, &with_token(), at(-1)).unwrap_err();
        assert_chain_clean(&bad_time);
        let mut mainland = Session::new(Endpoint::mainland());
        let other_site = mainland.sign(&prepared, &with_token(), at(TIME)).unwrap_err();
        assert_chain_clean(&other_site);
    }

    #[test]
    fn endpoint_with_a_password_is_refused_without_it() {
        let error = format!("https://user:{KEY}@h.example").parse::<Endpoint>().unwrap_err();
        assert_chain_clean(&error);
    }

    // What is hashed is public; only the last two stages depend on the key.
    #[test]
    fn k3_stages_of_a_signature() {
        let headers = [("content-type", "application/json"), ("host", common::HOST)];
        let headers = headers.into_iter().chain([("x-tc-action", "DescribeExportJobResult")]);
        let headers = CanonicalHeaders::new(headers).unwrap();
        let hash = HexDigest::of(common::BODY.as_bytes());
        let request = CanonicalRequest::new("POST", "/", "", &headers, hash);
        let text = StringToSign::new(Timestamp::new(TIME).unwrap(), "tcss", request.hash());
        let scope = text.scope();
        let key = SigningKey::derive(&with_token(), &scope);
        let signature = key.sign(&text);
        assert_eq!(signature.as_str(), SIGNATURE);
        let value = authorization(&with_token(), &scope, headers.names(), &signature).unwrap();

        assert_debug_clean(&key);
        assert_debug_clean(&signature);
        assert_debug_clean(&value);
        assert_shown_clean(headers.names());
        assert_debug_clean(&headers);
        assert_shown_clean(&scope);
        let prepared = session().prepare(&action()).unwrap();
        for public in
            [format!("{request:?}{request}"), format!("{text:?}{text}"), format!("{prepared:?}")]
        {
            assert_holds_no_secret(&public);
        }
    }
}

mod urls {
    use super::*;

    // Field case D11.
    #[test]
    fn d11_url_shows_no_query() {
        let url = DownloadUrl::new(URL).unwrap();
        assert_shown_clean(&url);
        assert_eq!(url.to_string(), "https://h.example/a.csv?...");
        assert_eq!(url.as_str(), URL);
        assert_eq!(url.into_string(), URL);
    }

    #[test]
    fn d11_url_of_any_form_shows_no_query() {
        for url in [
            format!("?{QUERY}"),
            format!("//h.example?{QUERY}"),
            format!("h.example/a?b?{QUERY}"),
            format!("https://h.example/a#{QUERY}"),
            format!("https://h.example/a#b?{QUERY}"),
            format!("https://user:{KEY}@h.example/a?{QUERY}"),
            format!("https://user:{KEY}@x@h.example"),
            format!("ftp://h.example/a?x=https://y?{QUERY}"),
        ] {
            assert_shown_clean(&DownloadUrl::new(url).unwrap());
        }
    }

    #[test]
    fn d11_url_in_an_answer() {
        let body = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
        let answer = read(200, &[], body).unwrap();
        assert_debug_clean(&answer);
        assert_debug_clean(&answer.response);
    }
}

/// What a badly built gateway may send back: the request that it got.
fn echo() -> String {
    let request = request();
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    format!("you sent Authorization: {} and a token", header("authorization"))
}

/// Every kind of error that an answer can be.
fn bad_answers() -> Vec<Response<Bytes>> {
    let location = format!("https://user:{KEY}@other.example/a?{QUERY}");
    let cut = format!(r#"{{"Response":{{"DownloadURL":"{URL}","#);
    let nonsense = format!(r#"{{"Response":{{"DownloadURL":"{URL}",!"#);
    let unexpected = format!(r#"{{"DownloadURL":"{URL}"}}"#);
    let result = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
    let odd_error = format!(r#"{{"Response":{{"Error":"{}"}}}}"#, echo());
    vec![
        response(302, &[("location", &location)], ""),
        response(200, &[("content-encoding", "gzip")], &result),
        response(200, &[], vec![b' '; tcss_export::ANSWER_LIMIT + 1]),
        response(200, &[], ""),
        response(502, &[("content-type", "text/html")], echo()),
        response(200, &[], &cut),
        response(200, &[], &nonsense),
        response(200, &[], &unexpected),
        response(500, &[], &result),
        response(200, &[], &odd_error),
        response(200, &[], r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"}}}"#),
    ]
}

#[test]
fn k3_every_error_of_an_answer() {
    for response in bad_answers() {
        let error = tcss_export::read_answer::<tcss_export::DescribeExportJobResult>(&response);
        let error = error.unwrap_err();
        assert_chain_clean(&error);
        assert_debug_clean(error.kind());
        assert_clean(&error.kind().to_string());
    }
}

mod waiting {
    use super::*;

    struct Rig {
        waiter: Waiter,
        session: Session,
    }

    impl Rig {
        fn new() -> Self {
            let policy = Policy::default().with_max_failures(1);
            Self { waiter: Waiter::new(job(), &policy, 7, now(0).mono), session: session() }
        }

        fn start(&mut self, seconds: u64) -> Request<Bytes> {
            let request = self.waiter.start(now(seconds), &mut self.session, &with_token());
            request.expect("a poll is due")
        }

        fn answer(&mut self, seconds: u64, answer: Result<Response<Bytes>, SendFault>) {
            let event = self.waiter.answer(now(seconds), &mut self.session, answer);
            assert_debug_clean(&event);
            assert_debug_clean(&self.waiter);
            assert_debug_clean(&self.waiter.step(now(seconds).mono));
        }

        fn finish(self) -> Outcome {
            let outcome = self.waiter.finish();
            assert_debug_clean(&outcome);
            if let Err(error) = &outcome {
                assert_chain_clean(error);
            }
            outcome
        }
    }

    fn running() -> Response<Bytes> {
        // The service may give a URL with any status.
        let body = format!(r#"{{"Response":{{"ExportStatus":"RUNNING","DownloadURL":"{URL}"}}}}"#);
        response(200, &[], body)
    }

    #[test]
    fn k3_waiter_in_each_phase() {
        let mut rig = Rig::new();
        assert_debug_clean(&rig.waiter);
        rig.start(0);
        assert_debug_clean(&rig.waiter);
        rig.answer(0, Ok(running()));
        rig.start(2);
        let success =
            format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
        rig.answer(2, Ok(response(200, &[], success)));
        assert_debug_clean(&rig.session);
        assert_eq!(rig.finish().unwrap().download_url.as_str(), URL);
    }

    #[test]
    fn k3_events_and_outcomes_of_every_bad_answer() {
        for bad in bad_answers() {
            let mut rig = Rig::new();
            rig.start(0);
            rig.answer(0, Ok(running()));
            rig.start(2);
            rig.answer(2, Ok(bad.clone()));
            if rig.waiter.step(now(20).mono)
                == (tcss_export::Step::Poll { fresh_credentials: false })
            {
                rig.start(20);
                rig.answer(20, Ok(bad));
            }
            rig.finish().unwrap_err();
        }
    }

    #[test]
    fn k3_outcomes_of_every_send_fault() {
        for fault in [
            SendFault::Connection,
            SendFault::Timeout,
            SendFault::Truncated,
            SendFault::TooLarge,
            SendFault::Permanent,
        ] {
            let mut rig = Rig::new();
            rig.start(0);
            rig.answer(0, Err(fault));
            rig.finish().unwrap_err();
        }
    }

    #[test]
    fn k3_errors_of_starting() {
        let mut rig = Rig::new();
        rig.start(0);
        let not_due = rig.waiter.start(now(0), &mut rig.session, &with_token()).unwrap_err();
        assert_chain_clean(&not_due);
        let mut rig = Rig::new();
        let bad_time = Now { wall: at(-1), ..now(0) };
        let build = rig.waiter.start(bad_time, &mut rig.session, &with_token()).unwrap_err();
        assert_chain_clean(&build);
        rig.finish().unwrap_err();
    }

    #[test]
    fn k3_wait_that_ran_out_of_time() {
        let mut rig = Rig::new();
        rig.start(0);
        rig.answer(0, Ok(running()));
        assert_debug_clean(&rig.waiter.step(now(3_600).mono));
        rig.finish().unwrap_err();
    }

    #[test]
    fn k3_failed_and_cancelled_waits() {
        let mut rig = Rig::new();
        rig.start(0);
        let failure = format!(
            r#"{{"Response":{{"ExportStatus":"FAILURE","FailureMsg":"m","DownloadURL":"{URL}"}}}}"#
        );
        rig.answer(0, Ok(response(200, &[], failure)));
        rig.finish().unwrap_err();
        let mut rig = Rig::new();
        rig.start(0);
        rig.answer(0, Ok(running()));
        rig.waiter.cancel();
        rig.finish().unwrap_err();
    }
}
