//! What goes out, and what is refused before anything goes out.

mod common;

use std::collections::BTreeSet;

use bytes::Bytes;
use common::{
    HOST, ID, JOB, KEY, SIGNATURE, TIME, TOKEN, Wire, action, at, credentials, f0, header, scope,
    session, signature, with_token,
};
use http::Request;
use proptest::prelude::*;
use serde::{Serialize, Serializer};
use tcss_export::{
    Action, BuildError, Credentials, DescribeExportJobResult, Endpoint, Field, JobId, Language,
    Reason, Session, Wall,
};

fn sign(mut session: Session) -> Request<Bytes> {
    session.request(&action(), &credentials(), at(TIME)).unwrap()
}

fn names(request: &Request<Bytes>) -> BTreeSet<&str> {
    request.headers().keys().map(http::HeaderName::as_str).collect()
}

/// Asserts what a value was refused for, and that the error does not show it.
#[track_caller]
fn refused<T>(result: Result<T, BuildError>, field: Field, reason: Reason) {
    let error = result.err().expect("refused");
    assert_eq!((error.field(), error.reason()), (field, reason));
}

/// An action of a user's own, without members.
macro_rules! action {
    ($name:ident, $service:literal, $version:literal, $action:literal) => {
        #[derive(Serialize)]
        struct $name;

        impl Action for $name {
            const SERVICE: &'static str = $service;
            const VERSION: &'static str = $version;
            const NAME: &'static str = $action;
            type Response = serde_json::Value;
        }
    };
}

mod credential_texts {
    use super::*;

    /// Makes one test a bad character, for each of the three fields.
    macro_rules! bad_characters {
        ($($name:ident: $bad:literal => $reason:ident;)*) => {$(
            #[test]
            fn $name() {
                let spoiled = |text: &str| [text, $bad].concat();
                refused(Credentials::new(spoiled(ID), KEY), Field::SecretId, Reason::$reason);
                refused(Credentials::new(ID, spoiled(KEY)), Field::SecretKey, Reason::$reason);
                refused(credentials().with_token(spoiled(TOKEN)), Field::Token, Reason::$reason);
            }
        )*};
    }

    // Field case K1.
    bad_characters! {
        k1_final_newline_is_refused: "\n" => WhiteSpace;
        k1_final_carriage_return_is_refused: "\r\n" => WhiteSpace;
        k1_final_blank_is_refused: " " => WhiteSpace;
        k1_final_tab_is_refused: "\t" => WhiteSpace;
        k1_nul_is_refused: "\0" => WhiteSpace;
        k1_delete_is_refused: "\u{7f}" => WhiteSpace;
        k1_no_break_space_is_refused: "\u{a0}" => WhiteSpace;
        k1_line_separator_is_refused: "\u{2028}" => WhiteSpace;
        k1_byte_order_mark_is_refused: "\u{feff}" => InvalidCharacter;
        k1_letter_outside_ascii_is_refused: "\u{fc}" => InvalidCharacter;
    }

    #[test]
    fn k1_blank_in_the_middle_is_refused() {
        refused(Credentials::new("AKID FIELD", KEY), Field::SecretId, Reason::WhiteSpace);
        refused(Credentials::new(ID, "Field Cases"), Field::SecretKey, Reason::WhiteSpace);
        refused(credentials().with_token("Field Cases"), Field::Token, Reason::WhiteSpace);
    }

    #[test]
    fn k1_error_names_the_field_and_never_the_value() {
        let error = Credentials::new(ID, format!("{KEY}\n")).unwrap_err();
        assert_eq!(error.to_string(), "secret key contains white space or a control character");
        assert!(!format!("{error:?}").contains(KEY));
    }

    // Field case K2: not to be taken for the service's "secret id not found".
    #[test]
    fn k2_empty_secret_id_is_refused() {
        let error = Credentials::new("", KEY).unwrap_err();
        assert_eq!((error.field(), error.reason()), (Field::SecretId, Reason::Empty));
        assert_eq!(error.to_string(), "secret id is empty");
    }

    #[test]
    fn k2_empty_secret_key_is_refused() {
        let error = Credentials::new(ID, "").unwrap_err();
        assert_eq!((error.field(), error.reason()), (Field::SecretKey, Reason::Empty));
        assert_eq!(error.to_string(), "secret key is empty");
    }

    #[test]
    fn k2_text_of_nothing_but_blanks_is_refused() {
        refused(Credentials::new(ID, "  "), Field::SecretKey, Reason::WhiteSpace);
    }
}

mod token {
    use super::*;

    fn signed_with(credentials: &Credentials) -> Request<Bytes> {
        session().request(&action(), credentials, at(TIME)).unwrap()
    }

    // Field case K4.
    #[test]
    fn k4_absent_token_has_no_header() {
        assert!(!f0().headers().contains_key("x-tc-token"));
    }

    #[test]
    fn k4_empty_token_has_no_header() {
        let request = signed_with(&credentials().with_token("").unwrap());
        assert!(!request.headers().contains_key("x-tc-token"));
    }

    #[test]
    fn k4_empty_token_takes_the_place_of_an_earlier_one() {
        let request = signed_with(&with_token().with_token("").unwrap());
        assert!(!request.headers().contains_key("x-tc-token"));
    }

    #[test]
    fn k4_token_is_sent() {
        assert_eq!(header(&signed_with(&with_token()), "x-tc-token"), TOKEN);
    }

    #[test]
    fn k4_token_does_not_change_the_signature() {
        assert_eq!(signature(&signed_with(&with_token())), SIGNATURE);
    }

    // Field case K5: a provider that hands out two sets in turn.
    #[test]
    fn k5_every_request_carries_one_set_and_is_signed_with_its_key() {
        let sets = ["A", "B"].map(|set| {
            let [id, key, token] = [ID, KEY, TOKEN].map(|text| [text, set].concat());
            (Credentials::new(&*id, &*key).unwrap().with_token(&*token).unwrap(), id, key, token)
        });
        let mut session = session();
        for (nth, (credentials, id, key, token)) in (0..).zip(sets.iter().cycle().take(1_000)) {
            let time = TIME + nth * 173;
            let request = session.request(&action(), credentials, at(time)).unwrap();
            let verified = Wire::of(&request).verify(time, id, key).unwrap();
            assert_eq!(verified.secret_id, *id, "signing {nth}");
            assert_eq!(header(&request, "x-tc-token"), token, "signing {nth}");
        }
    }
}

mod headers {
    use super::*;

    const ALWAYS: [&str; 6] =
        ["authorization", "content-type", "host", "x-tc-action", "x-tc-timestamp", "x-tc-version"];
    const WHEN_SET: [&str; 4] =
        ["x-tc-language", "x-tc-region", "x-tc-requestclient", "x-tc-token"];

    fn full() -> Request<Bytes> {
        let session = session().with_region("ap-guangzhou").unwrap();
        let mut session = session.with_language(Language::English).with_client_label("nightly");
        session.request(&action(), &with_token(), at(TIME)).unwrap()
    }

    #[test]
    fn plain_request_has_the_six_documented_headers() {
        assert_eq!(names(&f0()), BTreeSet::from(ALWAYS));
    }

    #[test]
    fn full_request_has_the_ten_documented_headers() {
        assert_eq!(names(&full()), ALWAYS.into_iter().chain(WHEN_SET).collect());
    }

    #[test]
    fn settings_do_not_change_the_signature() {
        assert_eq!(signature(&full()), SIGNATURE);
    }

    #[test]
    fn values_are_the_documented_ones() {
        let request = full();
        for (name, value) in [
            ("content-type", "application/json"),
            ("host", HOST),
            ("x-tc-action", "DescribeExportJobResult"),
            ("x-tc-version", "2020-11-01"),
            ("x-tc-timestamp", "1699979400"),
            ("x-tc-region", "ap-guangzhou"),
            ("x-tc-language", "en-US"),
            ("x-tc-requestclient", "nightly"),
            ("x-tc-token", TOKEN),
        ] {
            assert_eq!(header(&request, name), value, "{name}");
        }
    }

    #[test]
    fn authorization_is_the_documented_one() {
        let expected = format!(
            "TC3-HMAC-SHA256 Credential={ID}/2023-11-14/tcss/tc3_request, \
             SignedHeaders=content-type;host;x-tc-action, Signature={SIGNATURE}"
        );
        assert_eq!(header(&f0(), "authorization"), expected);
    }

    // Field cases S2 and T6.
    #[test]
    fn s2_no_header_stands_there_twice() {
        for request in [f0(), full()] {
            assert_eq!(request.headers().len(), names(&request).len());
        }
    }

    #[test]
    fn no_header_is_empty() {
        let session = session().with_region("").unwrap().with_client_label("导出");
        for request in [sign(session), f0(), full()] {
            assert!(request.headers().values().all(|value| !value.is_empty()));
        }
    }

    // Field case K3: so that a transport's own debug output hides them too.
    #[test]
    fn k3_authorization_and_token_are_marked_sensitive_and_no_other() {
        let request = full();
        let marked = request.headers().iter().filter(|(_, value)| value.is_sensitive());
        let marked: BTreeSet<_> = marked.map(|(name, _)| name.as_str()).collect();
        assert_eq!(marked, BTreeSet::from(["authorization", "x-tc-token"]));
    }

    // Field case B7.
    #[test]
    fn b7_request_is_a_post_to_the_root_without_a_query() {
        let request = f0();
        assert_eq!(request.method(), http::Method::POST);
        assert_eq!(request.uri().to_string(), format!("https://{HOST}/"));
        assert!(header(&request, "authorization").starts_with("TC3-HMAC-SHA256 "));
    }

    #[test]
    fn language_is_read_from_its_header_value_in_any_case() {
        assert_eq!("ZH-cn".parse(), Ok(Language::Chinese));
        assert_eq!("en-US".parse(), Ok(Language::English));
        refused("de-DE".parse::<Language>(), Field::Language, Reason::Unknown);
        refused("".parse::<Language>(), Field::Language, Reason::Unknown);
    }
}

mod regions_and_labels {
    use super::*;

    // Field case B1: the service refuses an empty one.
    #[test]
    fn b1_unset_region_has_no_header() {
        assert!(!f0().headers().contains_key("x-tc-region"));
    }

    #[test]
    fn b1_empty_region_has_no_header() {
        let request = sign(session().with_region("").unwrap());
        assert!(!request.headers().contains_key("x-tc-region"));
    }

    #[test]
    fn b1_empty_region_takes_the_place_of_an_earlier_one() {
        let session = session().with_region("ap-guangzhou").unwrap().with_region("").unwrap();
        assert!(!sign(session).headers().contains_key("x-tc-region"));
    }

    #[test]
    fn b1_region_is_sent() {
        let request = sign(session().with_region("ap-guangzhou").unwrap());
        assert_eq!(header(&request, "x-tc-region"), "ap-guangzhou");
    }

    #[test]
    fn region_that_is_set_after_a_signing_is_sent() {
        let mut session = session();
        session.request(&action(), &credentials(), at(TIME)).unwrap();
        let request = sign(session.with_region("ap-guangzhou").unwrap());
        assert_eq!(header(&request, "x-tc-region"), "ap-guangzhou");
    }

    #[test]
    fn region_that_would_break_a_header_is_refused() {
        for region in ["ap\r\nX-Evil: 1", "ap guangzhou", "ap\0", "广州", "ap_guangzhou", "\n"] {
            let result = session().with_region(region);
            refused(result, Field::Region, Reason::InvalidCharacter);
        }
    }

    // Field case B6.
    #[test]
    fn b6_label_is_cleaned() {
        let request = sign(session().with_client_label("my app/1.0"));
        assert_eq!(header(&request, "x-tc-requestclient"), "my app1.0");
    }

    #[test]
    fn b6_label_without_a_good_character_has_no_header() {
        for label in ["", "   ", "导出", "\r\n", "///"] {
            let request = sign(session().with_client_label(label));
            assert!(!request.headers().contains_key("x-tc-requestclient"), "{label:?}");
        }
    }

    #[test]
    fn b6_label_cannot_start_another_header() {
        let request = sign(session().with_client_label("a\r\nX-Evil: 1"));
        assert_eq!(header(&request, "x-tc-requestclient"), "aX-Evil 1");
        assert!(!request.headers().contains_key("x-evil"));
    }

    proptest! {
        // Letters, digits, `-_ ,;.` and at most 128 of them.
        #[test]
        fn b6_any_label_is_made_fit(label: String) {
            let request = sign(session().with_client_label(&label));
            let sent = header(&request, "x-tc-requestclient");
            prop_assert!(sent.len() <= 128);
            prop_assert!(sent.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ,;.".contains(c)));
            prop_assert_eq!(request.headers().contains_key("x-tc-requestclient"), !sent.is_empty());
        }
    }

    #[test]
    fn b6_label_of_200_letters_is_cut_to_128() {
        let request = sign(session().with_client_label(&"a".repeat(200)));
        assert_eq!(header(&request, "x-tc-requestclient").len(), 128);
    }
}

mod endpoints {
    use super::*;

    // Field case B2: each spelling is sent and signed in lower case.
    #[test]
    fn b2_every_spelling_of_a_host_is_signed_alike() {
        for text in [
            "tcss.intl.tencentcloudapi.com",
            "tcss.intl.tencentcloudapi.com/",
            "https://tcss.intl.tencentcloudapi.com/",
            "https://TCSS.Intl.TencentCloudAPI.com/",
            "HTTPS://tcss.intl.tencentcloudapi.com:443/",
        ] {
            let request = sign(Session::new(text.parse().unwrap()));
            assert_eq!(header(&request, "host"), HOST, "{text}");
            assert_eq!(request.uri().to_string(), format!("https://{HOST}/"), "{text}");
            assert_eq!(signature(&request), SIGNATURE, "{text}");
        }
    }

    /// Makes one test a kind of bad text.
    macro_rules! refuses {
        ($($name:ident: $reason:ident, $texts:expr;)*) => {$(
            #[test]
            fn $name() {
                for text in $texts {
                    let result = text.parse::<Endpoint>();
                    assert!(result.is_err(), "{text:?} was taken as {result:?}");
                    refused(result, Field::Endpoint, Reason::$reason);
                }
            }
        )*};
    }

    refuses! {
        b2_empty_text_is_refused: Empty, ["", "/", "https://", "https:///"];
        b2_path_is_refused: Path, ["h.example/a", "https://h.example/a/", "h.example//", "h.example\\a"];
        b2_query_is_refused: Query, ["h.example?a=1", "https://h.example/?", "?"];
        b2_fragment_is_refused: Fragment, ["h.example#a", "https://h.example/#", "#"];
        b2_user_part_is_refused: UserInfo, ["user@h.example", "https://user:EXAMPLE@h.example"];
        white_space_is_refused: WhiteSpace,
            [" h.example", "h.example\n", "h .example", "h.example\r\nX-Evil: 1", "h\0", "\u{3000}"];
        bad_port_is_refused: Port,
            ["h:", "h:0", "h:65536", "h:99999", "h:-1", "h:+80", "h:8x", "h:٣", "::1", "h:1:2"];
        bad_host_is_refused: Host,
            ["h..example", ".example", "h.example.", "-h.example", "h-.example", ":443", "[::1",
             "[]", "[::1]x", "[::g]", "1.2.3", "256.1.1.1", "1.2.3.4.5", "导出.example",
             "h,example", "h;example", "h%41", "a'b", "h*"];
        plain_http_to_another_machine_is_refused: Scheme,
            ["http://h.example", "http://10.0.0.1", "http://localhost.example",
             "http://127.0.0.1.example", "http://[::2]", "http://0.0.0.0"];
        other_scheme_is_refused: Scheme, ["ftp://h.example", "ws://localhost", "://h.example"];
    }

    #[test]
    fn label_of_64_characters_is_refused() {
        let text = format!("{}.example", "a".repeat(64));
        refused(text.parse::<Endpoint>(), Field::Endpoint, Reason::Host);
    }

    #[test]
    fn name_of_254_characters_is_refused() {
        let text = ["a"; 127].join(".") + ".a";
        assert_eq!(text.len(), 255);
        refused(text.parse::<Endpoint>(), Field::Endpoint, Reason::Host);
        assert!(text[2..].parse::<Endpoint>().is_ok());
    }

    #[test]
    fn plain_http_reaches_this_machine() {
        for text in
            ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "http://127.9.9.9"]
        {
            let endpoint: Endpoint = text.parse().unwrap();
            assert!(endpoint.is_loopback());
            assert_eq!(endpoint.to_string(), text);
        }
    }

    // Field case B3: the service is the action's, never cut out of the host.
    #[test]
    fn b3_scope_names_the_service_of_the_action() {
        for text in ["gw.example:8443", "10.0.0.9", "cvm.tencentcloudapi.com", "http://[::1]:1"] {
            let request = sign(Session::new(text.parse().unwrap()));
            assert_eq!(scope(&request), "2023-11-14/tcss/tc3_request", "{text}");
        }
    }

    // Field case B4.
    #[test]
    fn b4_both_sites_take_the_same_request_but_for_the_host() {
        let [intl, mainland] =
            [Endpoint::international(), Endpoint::mainland()].map(|site| sign(Session::new(site)));
        assert_eq!(header(&mainland, "host"), "tcss.tencentcloudapi.com");
        assert_eq!(intl.body(), mainland.body());
        for name in ["content-type", "x-tc-action", "x-tc-version", "x-tc-timestamp"] {
            assert_eq!(header(&intl, name), header(&mainland, name), "{name}");
        }
    }

    #[test]
    fn region_names_an_access_point() {
        let endpoint = Endpoint::regional("ap-singapore").unwrap();
        assert_eq!(endpoint.host(), "tcss.ap-singapore.tencentcloudapi.com");
    }

    #[test]
    fn access_point_of_no_region_is_refused() {
        refused(Endpoint::regional(""), Field::Region, Reason::Empty);
        for region in ["ap/x", "a.example#", "ap singapore", "ap.intl", "@h"] {
            refused(Endpoint::regional(region), Field::Region, Reason::InvalidCharacter);
        }
    }
}

mod job_ids {
    use super::*;

    fn body_of(job: &str) -> Bytes {
        let action = DescribeExportJobResult::new(JobId::new(job).unwrap());
        session().request(&action, &credentials(), at(TIME)).unwrap().into_body()
    }

    fn read_back(body: &[u8]) -> String {
        let value: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 1);
        value["JobId"].as_str().unwrap().to_owned()
    }

    // Field case B5.
    #[test]
    fn b5_id_with_marks_of_json_and_html_reads_back() {
        let job = "a\"b\\c\u{1}d<e>&f";
        assert_eq!(read_back(&body_of(job)), job);
    }

    #[test]
    fn b5_empty_id_is_refused() {
        refused(JobId::new(""), Field::JobId, Reason::Empty);
        refused("".parse::<JobId>(), Field::JobId, Reason::Empty);
    }

    #[test]
    fn body_is_compact() {
        assert_eq!(body_of(JOB), common::BODY);
    }

    proptest! {
        #[test]
        fn b5_any_id_reads_back(job in "(?s).{1,60}") {
            prop_assert_eq!(read_back(&body_of(&job)), job);
        }
    }

    #[test]
    fn shown_id_steers_no_terminal() {
        assert_eq!(JobId::new("a\u{1b}[2Jb\n").unwrap().to_string(), "a\u{fffd}[2Jb\u{fffd}");
    }
}

mod prepared {
    use super::*;

    #[test]
    fn one_preparation_serves_many_signings() {
        let mut session = session();
        let prepared = session.prepare(&action()).unwrap();
        for time in [TIME, 1_699_979_800, 1_700_006_400] {
            let again = session.sign(&prepared, &credentials(), at(time)).unwrap();
            let fresh = common::session().request(&action(), &credentials(), at(time)).unwrap();
            assert_eq!(again.headers(), fresh.headers());
            assert_eq!(again.body(), fresh.body());
        }
    }

    #[test]
    fn preparation_of_another_endpoint_is_refused() {
        let prepared = session().prepare(&action()).unwrap();
        for other in [Endpoint::mainland(), format!("{HOST}:8443").parse().unwrap()] {
            let result = Session::new(other).sign(&prepared, &credentials(), at(TIME));
            refused(result, Field::Prepared, Reason::OtherEndpoint);
        }
    }

    #[test]
    fn preparation_of_another_session_with_the_same_endpoint_serves() {
        let prepared = session().prepare(&action()).unwrap();
        let endpoint = "https://TCSS.Intl.TencentCloudAPI.com/".parse().unwrap();
        let request = Session::new(endpoint).sign(&prepared, &credentials(), at(TIME)).unwrap();
        assert_eq!(signature(&request), SIGNATURE);
    }
}

/// What a session keeps from one signing to the next must never show.
mod kept {
    use super::*;

    fn assert_fresh<A: Action>(
        session: &mut Session,
        action: &A,
        credentials: &Credentials,
        time: i64,
    ) {
        let request = session.request(action, credentials, at(time)).unwrap();
        let fresh = common::session().request(action, credentials, at(time)).unwrap();
        assert_eq!(request.headers(), fresh.headers(), "{credentials:?} at {time}");
        assert_eq!(request.body(), fresh.body());
    }

    #[test]
    fn token_change_is_followed_at_once() {
        let mut session = session();
        let other = credentials().with_token("FieldCasesToken0002").unwrap();
        for credentials in [credentials(), with_token(), other, credentials()] {
            assert_fresh(&mut session, &action(), &credentials, TIME);
        }
    }

    #[test]
    fn key_change_under_the_same_id_is_followed_at_once() {
        let mut session = session();
        let other = Credentials::new(ID, "FieldCasesSecretKey0002").unwrap();
        for credentials in [credentials(), other, credentials()] {
            assert_fresh(&mut session, &action(), &credentials, TIME);
        }
    }

    #[test]
    fn date_change_is_followed_at_once() {
        let mut session = session();
        for time in [1_700_006_399, 1_700_006_400, 1_700_006_400 + 86_400] {
            assert_fresh(&mut session, &action(), &credentials(), time);
        }
    }

    #[test]
    fn date_change_back_in_time_is_followed_at_once() {
        let mut session = session();
        for time in [1_700_006_400, 1_700_006_399, 1_700_006_400, 0] {
            assert_fresh(&mut session, &action(), &credentials(), time);
        }
    }

    #[test]
    fn time_that_cannot_be_signed_leaves_the_next_signing_unharmed() {
        let mut session = session();
        for bad in [-1, i64::MAX] {
            assert_fresh(&mut session, &action(), &credentials(), TIME);
            assert!(session.request(&action(), &credentials(), at(bad)).is_err());
            assert_fresh(&mut session, &action(), &credentials(), TIME);
        }
    }

    #[test]
    fn other_service_on_the_same_day_is_signed_with_its_own_key() {
        let mut session = session();
        let before = session.request(&action(), &credentials(), at(TIME)).unwrap();
        let other = session.request(&Elsewhere, &credentials(), at(TIME)).unwrap();
        assert_eq!(scope(&other), "2023-11-14/cvm/tc3_request");
        let fresh = common::session().request(&Elsewhere, &credentials(), at(TIME)).unwrap();
        assert_eq!(other.headers(), fresh.headers());
        let after = session.request(&action(), &credentials(), at(TIME)).unwrap();
        assert_eq!(after.headers(), before.headers());
    }

    action!(Elsewhere, "cvm", "2017-03-12", "DescribeInstances");
    // Each differs from the one before in one part.
    action!(OtherVersion, "cvm", "2020-11-01", "DescribeInstances");
    action!(OtherService, "tcss", "2020-11-01", "DescribeInstances");

    proptest! {
        #[test]
        fn any_list_of_signings_is_as_if_each_were_the_first(
            signings in proptest::collection::vec((0usize..4, 0usize..4, 0i64..5, 0i64..86_400), 1..20)
        ) {
            let sets = [
                credentials(),
                with_token(),
                Credentials::new(ID, "FieldCasesSecretKey0002").unwrap(),
                Credentials::new("AKIDFIELDCASES0002", KEY).unwrap(),
            ];
            let mut session = session();
            for (set, of_action, day, second) in signings {
                let (set, time) = (&sets[set], TIME + day * 86_400 + second);
                match of_action {
                    0 => assert_fresh(&mut session, &action(), set, time),
                    1 => assert_fresh(&mut session, &Elsewhere, set, time),
                    2 => assert_fresh(&mut session, &OtherVersion, set, time),
                    _ => assert_fresh(&mut session, &OtherService, set, time),
                }
            }
        }
    }

    #[test]
    fn clone_of_a_session_signs_alike() {
        let mut session = session();
        session.request(&action(), &credentials(), at(TIME)).unwrap();
        assert_eq!(signature(&sign(session.clone())), SIGNATURE);
    }
}

/// Actions that a user adds with texts or bodies that cannot be sent.
mod foreign_actions {
    use super::*;

    action!(BadName, "tcss", "2020-11-01", "Describe\r\nX-Evil: 1");
    action!(BadVersion, "tcss", "2020\n", "Describe");
    action!(BadService, "tcss\n", "2020-11-01", "Describe");

    fn request<A: Action>(action: &A) -> Result<Request<Bytes>, BuildError> {
        session().request(action, &credentials(), at(TIME))
    }

    #[test]
    fn name_that_would_break_a_header_is_refused() {
        refused(request(&BadName), Field::Action, Reason::InvalidCharacter);
        refused(session().canonical_request(&BadName), Field::Action, Reason::InvalidCharacter);
    }

    #[test]
    fn version_that_would_break_a_header_is_refused() {
        refused(request(&BadVersion), Field::Version, Reason::InvalidCharacter);
    }

    #[test]
    fn service_that_would_break_a_header_is_refused() {
        refused(request(&BadService), Field::Service, Reason::InvalidCharacter);
    }

    struct Unwritable;

    impl Serialize for Unwritable {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }

    impl Action for Unwritable {
        const SERVICE: &'static str = "tcss";
        const VERSION: &'static str = "2020-11-01";
        const NAME: &'static str = "Describe";
        type Response = serde_json::Value;
    }

    #[test]
    fn body_that_does_not_serialise_is_refused() {
        refused(request(&Unwritable), Field::Body, Reason::NotJson);
        refused(session().prepare(&Unwritable), Field::Body, Reason::NotJson);
    }
}

#[test]
fn errors_of_building_cross_threads_and_have_no_source() {
    fn crosses_threads<T: std::error::Error + Send + Sync + 'static>(_: &T) {}
    let error =
        session().request(&action(), &credentials(), Wall::from_unix_millis(-1)).unwrap_err();
    crosses_threads(&error);
    assert_eq!(error.to_string(), "timestamp is out of range");
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn session_and_waiter_values_cross_threads() {
    fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<Session>();
    crosses_threads::<Credentials>();
    crosses_threads::<tcss_export::Waiter>();
    crosses_threads::<tcss_export::RateBudget>();
}
