//! The stages of a signature against signatures that other programs made, and their laws.

mod common;

use common::{
    ID, JOB, KEY, TIME, Wire, action, at, base64, credentials, scope, session, signature,
};
use proptest::prelude::*;
use serde::Deserialize;
use tcss_export::{
    BuildError, Credentials, DescribeExportJobResult, Endpoint, Field, JobId, Reason, Session,
    Wall,
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization,
    },
};
use tcss_export_testkit::verify::Refusal;

/// All that a signature depends on.
#[derive(Clone, Debug)]
struct Input {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    /// `None` for a payload that is not signed.
    payload: Option<Vec<u8>>,
    service: String,
    timestamp: i64,
    id: String,
    key: String,
}

/// What every stage of a signature gave, in their order.
#[derive(Clone, Debug, PartialEq)]
struct Stages([(&'static str, String); 7]);

impl Input {
    fn stages(&self) -> Stages {
        let credentials = Credentials::new(&*self.id, &*self.key).expect("a key pair");
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = CanonicalHeaders::new(headers).expect("signed headers");
        let payload_hash =
            self.payload.as_ref().map_or_else(HexDigest::unsigned_payload, |p| HexDigest::of(p));
        let request =
            CanonicalRequest::new(&self.method, &self.path, &self.query, &headers, payload_hash);
        let timestamp = Timestamp::new(self.timestamp).expect("a four-digit year");
        let text = StringToSign::new(timestamp, &self.service, request.hash());
        let scope = text.scope();
        let signature = SigningKey::derive(&credentials, &scope).sign(&text);
        let value = authorization(&credentials, &scope, headers.names(), &signature);
        Stages([
            ("payload hash", request.payload_hash().to_string()),
            ("canonical request", request.to_string()),
            ("hash of the canonical request", request.hash().to_string()),
            ("credential scope", scope.to_string()),
            ("string to sign", text.to_string()),
            ("signature", signature.as_str().to_owned()),
            ("authorization", value.expect("a header").to_str().expect("ASCII").to_owned()),
        ])
    }

    fn signature(&self) -> String {
        self.stages().0[5].1.clone()
    }
}

impl Stages {
    /// Names the first stage that is another one than expected.
    fn first_difference(&self, expected: &Self) -> Option<String> {
        let mut pairs = self.0.iter().zip(&expected.0);
        let (computed, expected) = pairs.find(|(computed, expected)| computed != expected)?;
        Some(format!("{}:\n{}\nexpected:\n{}", computed.0, computed.1, expected.1))
    }
}

/// A row of the vectors: 400 made by the service's own Python SDK, 91 that also sign x-tc-action
/// by an independent script.
#[derive(Deserialize)]
struct Row {
    id: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    payload_base64: String,
    unsigned_payload: bool,
    service: String,
    timestamp: i64,
    secret_id: String,
    secret_key: String,
    payload_hash: String,
    canonical_request: String,
    canonical_request_hash: String,
    credential_scope: String,
    string_to_sign: String,
    signature: String,
    authorization: String,
}

impl Row {
    fn input(&self) -> Input {
        Input {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            payload: (!self.unsigned_payload).then(|| base64(&self.payload_base64)),
            service: self.service.clone(),
            timestamp: self.timestamp,
            id: self.secret_id.clone(),
            key: self.secret_key.clone(),
        }
    }

    fn expected(&self) -> Stages {
        Stages([
            ("payload hash", self.payload_hash.clone()),
            ("canonical request", self.canonical_request.clone()),
            ("hash of the canonical request", self.canonical_request_hash.clone()),
            ("credential scope", self.credential_scope.clone()),
            ("string to sign", self.string_to_sign.clone()),
            ("signature", self.signature.clone()),
            ("authorization", self.authorization.clone()),
        ])
    }

    /// Names the row and the first of its stages that comes out differently.
    fn difference(&self, expected: &Stages) -> Option<String> {
        let difference = self.input().stages().first_difference(expected)?;
        Some(format!("{}: {difference}", self.id))
    }
}

fn rows() -> Vec<Row> {
    let vectors = include_str!("vectors/tc3-vectors.jsonl");
    vectors.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

#[test]
fn every_stage_of_every_vector_is_the_expected_one() {
    let rows = rows();
    assert_eq!(rows.len(), 491);
    let differences: Vec<_> =
        rows.iter().filter_map(|row| row.difference(&row.expected())).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn vectors_cover_unsigned_payloads_queries_and_a_third_signed_header() {
    let rows = rows();
    assert!(rows.iter().any(|row| row.unsigned_payload));
    assert!(rows.iter().any(|row| !row.query.is_empty()));
    assert!(rows.iter().any(|row| row.headers.len() == 3));
}

#[test]
fn comparison_names_the_row_and_the_first_stage_that_is_changed() {
    let row = &rows()[7];
    for stage in 0..7 {
        let mut expected = row.expected();
        for later in &mut expected.0[stage..] {
            later.1.push('0');
        }
        let difference = row.difference(&expected).expect("a changed stage is noticed");
        let named = format!("{}: {}:\n", row.id, expected.0[stage].0);
        assert!(difference.starts_with(&named), "{difference}");
    }
}

/// The examples of the service's documents. Their key masks verify when taken literally; where
/// a mask has the shape of a real key it is put together here.
mod documented {
    use super::*;

    const ESCAPED: &str =
        r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
    const UTF8_JSON: &str = "application/json; charset=utf-8";
    const FORM: &str = "application/x-www-form-urlencoded";

    fn input(mask: (&str, &str), service: &str, host: &str, content_type: &str) -> Input {
        Input {
            method: "POST".into(),
            path: "/".into(),
            query: String::new(),
            headers: vec![
                ("Content-Type".into(), content_type.into()),
                ("Host".into(), host.into()),
            ],
            payload: Some(Vec::new()),
            service: service.into(),
            timestamp: 1_551_113_065,
            id: mask.0.into(),
            key: mask.1.into(),
        }
    }

    fn cvm(id: &str, key: &str) -> Input {
        let input = input((id, key), "cvm", "cvm.tencentcloudapi.com", UTF8_JSON);
        Input { payload: Some(ESCAPED.into()), ..input }
    }

    fn with_action(mut input: Input, action: &str) -> Input {
        input.headers.push(("X-TC-Action".into(), action.into()));
        input
    }

    /// The two halves of a masked pair, whose visible part would look like a real key.
    fn mask(end: &str) -> (String, String) {
        (
            ["AKIDz8krbsJ5yKBZQpn74WFkmLPx3", end].concat(),
            ["Gu5t9xGARNpq86cd98joQYCN3", end].concat(),
        )
    }

    #[track_caller]
    fn gives(input: &Input, canonical_request_hash: &str, signature: &str) {
        let Stages(stages) = input.stages();
        assert_eq!(stages[2].1, canonical_request_hash, "{}", stages[2].0);
        assert_eq!(stages[5].1, signature, "{}", stages[5].0);
    }

    // Mainland document "Signature v3", with a key of asterisks.
    #[test]
    fn v1_example_of_the_mainland_page() {
        let (id, key) = (["AKID", &"*".repeat(32)].concat(), "*".repeat(32));
        gives(
            &with_action(cvm(&id, &key), "DescribeInstances"),
            "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
            "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
        );
    }

    // An earlier state of the same page, and the service's demonstration repository.
    #[test]
    fn v2_example_of_the_demonstration_programs() {
        let (id, key) = mask("*******");
        gives(
            &with_action(cvm(&id, &key), "DescribeInstances"),
            "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
            "be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3",
        );
    }

    // The international page, which signs two headers.
    #[test]
    fn v3_example_of_the_international_page() {
        let (id, key) = mask("EXAMPLE");
        gives(
            &cvm(&id, &key),
            "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031",
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        );
    }

    // The document "Common Params".
    #[test]
    fn v4_example_of_a_query() {
        let (id, key) = mask("EXAMPLE");
        let input = input((&id, &key), "cvm", "cvm.tencentcloudapi.com", FORM);
        gives(
            &Input {
                method: "GET".into(),
                query: "Limit=10&Offset=0".into(),
                timestamp: 1_539_084_154,
                ..input
            },
            "91c9c192c14460df6c1ffc69e34e6c5e90708de2a6d282cccf957dbf1aa7f3a7",
            "5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474",
        );
    }

    const TCSS_JOB: &str = "e4409223-8e92-45db-a857-11b1ff547c79";

    fn tcss(content_type: &str, payload: Option<String>) -> Input {
        let (id, key) = mask("EXAMPLE");
        let input = input((&id, &key), "tcss", "tcss.intl.tencentcloudapi.com", content_type);
        Input { payload: payload.map(String::into_bytes), ..input }
    }

    fn compact() -> Option<String> {
        Some(format!(r#"{{"JobId":"{TCSS_JOB}"}}"#))
    }

    #[track_caller]
    fn at_both_times(input: Input, first: &str, second: &str) {
        assert_eq!(input.signature(), first);
        assert_eq!(Input { timestamp: 1_700_000_000, ..input }.signature(), second);
    }

    // Made by the international Python SDK with its clock held still.
    #[test]
    fn tcss_body_of_the_sdk_with_a_blank_after_the_colon() {
        let input = tcss("application/json", Some(format!(r#"{{"JobId": "{TCSS_JOB}"}}"#)));
        assert_eq!(
            input.stages().0[0].1,
            "0c62218e48a79debdc0420bb679fa4e6416d0b9bb001ed0d9c5484f8fe3c891c"
        );
        at_both_times(
            input,
            "6d0f64dfcaf2afaa0ba84e68fe4f5170302c95d5e3ca054ba9a56a782ea0c77d",
            "4585c3a805240de3ba5f3180c6021b0e45645e50dee733c08285d3ac449df90c",
        );
    }

    // Made by the international Python SDK with its clock held still.
    #[test]
    fn tcss_query_of_the_sdk() {
        let input = tcss(FORM, Some(String::new()));
        at_both_times(
            Input { method: "GET".into(), query: format!("JobId={TCSS_JOB}"), ..input },
            "6aec874f8f0edece3f0cd20a4924860273c9d753d26a077924c0f85590311392",
            "a89090d7e0909e4f204440e78cd1ee5496a10d64b923506276f344789b4f689b",
        );
    }

    // Made by the international Python SDK with its clock held still.
    #[test]
    fn tcss_unsigned_payload_of_the_sdk() {
        at_both_times(
            tcss("application/json", None),
            "eb8d0de40e6d37bc406220cf9e634e7d6175debdad64edd25fecbb17f80203bd",
            "5ffa8666055ffbe81c0a75df6d5734f7cbce8790c165d8f88f5e007b5d1a91a6",
        );
    }

    // Made by an independent script.
    #[test]
    fn tcss_compact_body() {
        let input = tcss("application/json", compact());
        assert_eq!(
            input.stages().0[0].1,
            "f57bc88e9d4571de7e2431777d074f8eb165024e8bf29b5f5675e5b8b75a9d4e"
        );
        at_both_times(
            input,
            "9facf20b638abf0a90fdaea112fa053091e2b1b0bbbc66fcbd5d89cca0821462",
            "5a82c17a78b5219c7a826161392e801a2926cf2c9dd46e66cb123e96892dbd7f",
        );
    }

    // Made by an independent script.
    #[test]
    fn tcss_compact_body_with_a_charset() {
        at_both_times(
            tcss(UTF8_JSON, compact()),
            "269e3cce9a1ef5f321ebfff574924e6ba871fc00fe01e096c8bf506208d209bb",
            "5268374fb5e9534091dc6f10ccbdd97f89536f26e0c80b4516da6febab8b4d67",
        );
    }

    // Made by an independent script.
    #[test]
    fn tcss_compact_body_with_the_action_signed() {
        at_both_times(
            with_action(tcss(UTF8_JSON, compact()), "DescribeExportJobResult"),
            "36545ce73adfb15c515f13a9269bdce46be5f50cd433792e75230b034c34636f",
            "a489ef3c03757681f529f7d561cc7e83b4741bf92f0b7face557e733f67a4618",
        );
    }

    // Expected: `printf UNSIGNED-PAYLOAD | sha256sum`.
    #[test]
    fn payload_that_is_not_signed_hashes_its_mark() {
        assert_eq!(
            HexDigest::unsigned_payload().as_str(),
            "438d4109ef0d676b8c2c7ed13cdfcb418e494d53b843d4634ce3b1085f07bb96"
        );
    }
}

/// The table of the field cases: F0 and one change to it, signed in both usual ways. The values
/// were made by an independent script.
mod f0_table {
    use super::*;
    use crate::common::{BODY, HOST};

    fn f0() -> Input {
        Input {
            method: "POST".into(),
            path: "/".into(),
            query: String::new(),
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("host".into(), HOST.into()),
            ],
            payload: Some(BODY.into()),
            service: "tcss".into(),
            timestamp: TIME,
            id: ID.into(),
            key: KEY.into(),
        }
    }

    /// Makes two tests for each row, and one of a session where it can reach the row.
    macro_rules! table {
        ($(
            $row:ident: $change:expr $(, ($endpoint:expr, $time:expr, $job:expr))? =>
                $two:literal, $three:literal;
        )*) => {$(
            mod $row {
                use super::*;

                #[test]
                fn two_headers_signed() {
                    let mut input = f0();
                    let change: fn(&mut Input) = $change;
                    change(&mut input);
                    assert_eq!(input.signature(), $two);
                }

                #[test]
                fn three_headers_signed() {
                    let mut input = f0();
                    let change: fn(&mut Input) = $change;
                    change(&mut input);
                    input.headers.push(("X-TC-Action".into(), "DescribeExportJobResult".into()));
                    assert_eq!(input.signature(), $three);
                }

                $(
                    #[test]
                    fn signed_by_a_session() {
                        let action = DescribeExportJobResult::new(JobId::new($job).unwrap());
                        let mut session = Session::new($endpoint.parse().unwrap());
                        let request = session.request(&action, &credentials(), at($time)).unwrap();
                        assert_eq!(signature(&request), $three);
                    }
                )?
            }
        )*};
    }

    const SITE: &str = HOST;
    const S6_JOB: &str = r#"导出-"7"\A<b>&"#;

    table! {
        f0_itself: |_| (), (SITE, TIME, JOB) =>
            "cefb8fe8e46cd0b8222f7fe89be404bd0e33db094fc18880f8a9c2fadaed8559",
            "295587ae31998eaf3cf0bb49ebb10a1d3c4e3fcf7b682522f9a131da6b8aec27";
        s7_time_1699979800: |f| f.timestamp = 1_699_979_800, (SITE, 1_699_979_800, JOB) =>
            "e529690b2a589a45cc0d5305e3fd7942bec0fcfb9a4bf87195ef203133c5336a",
            "a73ed268582a861b6611468afd4628eaa29afe05f0d410bc469ca5338494f31c";
        s1_first_second_of_the_next_utc_day: |f| f.timestamp = 1_700_006_400,
            (SITE, 1_700_006_400, JOB) =>
            "384ebf7bd1c74ede0f98070cf0001f55144165aba65d302a25118786360101e9",
            "53edb0bca9183de382c19e3d9f5b103c3fca19f39dfaa1cd77ba0caba88e829a";
        s8_time_1700006990: |f| f.timestamp = 1_700_006_990, (SITE, 1_700_006_990, JOB) =>
            "c5e09dbe674b968c2d715792dee7b070958da33a1af84cfabd6753009425a137",
            "7ea66f56f45f795df814a4b120c609fc35803f814b1a3d1b8282b6db001cdf37";
        s1_last_second_of_a_leap_day: |f| f.timestamp = 1_709_251_199,
            (SITE, 1_709_251_199, JOB) =>
            "23029d06bc6d8f9e266f2d11fb2af9fedec29467d0754317c63fd66cc334b68e",
            "554fd02c84764fd6548a59828fca37048e6e49bfb3502d778c6fa0280bc99ff8";
        s2_content_type_with_a_charset:
            |f| f.headers[0].1 = "application/json; charset=utf-8".into() =>
            "c8d8f81a24e656732e14e26f5011e8d9b181be53dfa516b8eea24b25de8178a7",
            "4df73ea45a1913e084a41d82e27358adae6560c64656bc1a1877d5af0c25f9d2";
        s5_port_of_its_own: |f| f.headers[1].1 = format!("{HOST}:8443"),
            ("https://tcss.intl.tencentcloudapi.com:8443", TIME, JOB) =>
            "8216a2b39e450295a21595c0132e7f0031eae94e13fb63f0eca276e10d146f14",
            "e84cce12d52e288ada95cc310ebd6bb376791a2f1529216d211758108be762de";
        b4_mainland_site: |f| f.headers[1].1 = "tcss.tencentcloudapi.com".into(),
            ("tcss.tencentcloudapi.com", TIME, JOB) =>
            "963a32defad8a2cf874629eacc370faaacd62e0d4ff927bdf27c59ff6c9542e3",
            "e7e82b0694ca2c39f8f3d70a5928262d8137562220abadcb31f89d77b9dd4e3b";
        s6_job_id_that_needs_escapes:
            |f| f.payload = Some(r#"{"JobId":"导出-\"7\"\\A<b>&"}"#.into()),
            (SITE, TIME, S6_JOB) =>
            "b83f3e488345dace64398e4e2649f08c26f9831b02440f8749a36a0f9b37a46b",
            "acd5b4da986b50da702a2ac1f4558d6af1d560612441701d10c2216b9bcbb3ce";
    }

    #[test]
    fn s5_default_port_is_not_signed() {
        let endpoint = "https://tcss.intl.tencentcloudapi.com:443".parse().unwrap();
        let request = Session::new(endpoint).request(&action(), &credentials(), at(TIME)).unwrap();
        assert_eq!(signature(&request), common::SIGNATURE);
    }
}

mod field_cases {
    use super::*;
    use crate::common::{BODY, f0};

    // Field case S1: midnight in UTC parts the days, whatever the zone of the machine.
    #[test]
    fn s1_scope_date_is_the_utc_date_of_the_timestamp() {
        for (time, date) in [
            (TIME, "2023-11-14/tcss/tc3_request"),
            (1_700_006_399, "2023-11-14/tcss/tc3_request"),
            (1_700_006_400, "2023-11-15/tcss/tc3_request"),
            (1_709_251_199, "2024-02-29/tcss/tc3_request"),
            (1_709_251_200, "2024-03-01/tcss/tc3_request"),
        ] {
            let request = session().request(&action(), &credentials(), at(time)).unwrap();
            assert_eq!(scope(&request), date, "at {time}");
        }
    }

    // Field case S3. Expected: `printf '{"JobId": "3f1c..."}' | sha256sum` begins 13d4c165.
    #[test]
    fn s3_body_that_is_serialised_again_has_another_hash() {
        let spaced = BODY.replace(":", ": ");
        assert!(HexDigest::of(spaced.as_bytes()).as_str().starts_with("13d4c165"));
        let mut wire = Wire::of(&f0());
        wire.body = spaced.into_bytes();
        assert_eq!(wire.verify(TIME, ID, KEY), Err(Refusal::Signature));
    }

    #[test]
    fn s3_bytes_that_are_hashed_are_the_bytes_that_are_sent() {
        let hashed = session().canonical_request(&action()).unwrap().payload_hash();
        assert_eq!(hashed, HexDigest::of(f0().body()));
        assert_eq!(f0().body(), BODY);
    }

    #[test]
    fn s4_signed_action_is_lower_case_and_the_header_is_not() {
        let canonical = session().canonical_request(&action()).unwrap().to_string();
        assert!(canonical.contains("\nx-tc-action:describeexportjobresult\n"), "{canonical}");
        assert_eq!(f0().headers()["x-tc-action"], "DescribeExportJobResult");
    }

    // Field case S6: the body is counted and hashed in bytes. Hash by `sha256sum`.
    #[test]
    fn s6_body_is_hashed_in_bytes() {
        let job = JobId::new(r#"导出-"7"\A<b>&"#).unwrap();
        let action = DescribeExportJobResult::new(job);
        let request = session().request(&action, &credentials(), at(TIME)).unwrap();
        assert_eq!(request.body(), r#"{"JobId":"导出-\"7\"\\A<b>&"}"#);
        assert_eq!(request.body().len(), 31);
        assert_eq!(
            HexDigest::of(request.body()).as_str(),
            "398da367113c0ab6904fca2049df40c2b25d01b811752b98e5ed7d7d635b0ca1"
        );
    }

    // Field case S10.
    #[test]
    fn s10_payload_hash_is_64_lower_case_hex_digits() {
        let hash = session().canonical_request(&action()).unwrap().payload_hash();
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        assert!(hash.as_str().len() == 64 && hash.as_str().bytes().all(is_digit));
        assert_eq!(
            hash.as_str(),
            "a810469766a5d6203e60b556954e2519f2b89949a4828a53da5dd8d358d26658"
        );
    }
}

/// Times that no timestamp can stand for.
mod range {
    use super::*;

    fn signed_at(wall: Wall) -> Result<(), BuildError> {
        session().request(&action(), &credentials(), wall).map(drop)
    }

    #[track_caller]
    fn refused(wall: Wall) {
        let error = signed_at(wall).unwrap_err();
        assert_eq!((error.field(), error.reason()), (Field::Timestamp, Reason::OutOfRange));
    }

    #[test]
    fn time_before_the_epoch_is_refused() {
        refused(at(-1));
    }

    #[test]
    fn last_millisecond_before_the_epoch_is_refused() {
        refused(Wall::from_unix_millis(-1));
    }

    #[test]
    fn year_of_five_digits_is_refused() {
        refused(at(253_402_300_800));
    }

    #[test]
    fn ends_of_the_wall_clock_are_refused() {
        refused(Wall::from_unix_millis(i64::MIN));
        refused(Wall::from_unix_millis(i64::MAX));
        refused(Wall::from_unix_seconds(i64::MAX));
    }

    #[test]
    fn epoch_and_the_last_second_of_9999_are_signed() {
        assert_eq!(signed_at(at(0)), Ok(()));
        assert_eq!(signed_at(at(253_402_300_799)), Ok(()));
    }

    #[test]
    fn parts_of_a_second_are_cut_off() {
        let wall = Wall::from_unix_millis(TIME * 1_000 + 999);
        let request = session().request(&action(), &credentials(), wall).unwrap();
        assert_eq!(request.headers()["x-tc-timestamp"], "1699979400");
        assert_eq!(signature(&request), common::SIGNATURE);
    }
}

prop_compose! {
    fn any_input()(
        method in "GET|POST",
        path in "/[a-z]{0,8}",
        query in "([A-Z][a-z]{1,5}=[0-9]{1,3})?",
        others in proptest::collection::btree_map("x-[a-z]{1,10}", "[!-~]{1,20}", 0..4),
        content_type in "[a-z]{1,10}/[a-z]{1,10}",
        host in "[a-z]{1,20}\\.example",
        payload in proptest::collection::vec(any::<u8>(), 1..100),
        service in "[a-z]{2,8}",
        timestamp in 0i64..=253_402_300_799,
        id in "[A-Za-z0-9]{1,40}",
        key in "[!-~]{1,64}",
    ) -> Input {
        let mut headers = vec![("content-type".into(), content_type), ("host".into(), host)];
        headers.extend(others);
        Input { method, path, query, headers, payload: Some(payload), service, timestamp, id, key }
    }
}

fn spelled_differently(name: &str, odd: u8) -> String {
    let mut name = name.to_owned();
    if odd & 1 == 1 {
        name.make_ascii_uppercase();
    }
    name
}

proptest! {
    #[test]
    fn order_and_spelling_of_headers_do_not_matter(
        input in any_input(), rotation: usize, odd: [u8; 6], padding in "[ \t]{0,3}",
    ) {
        let mut other = input.clone();
        let count = other.headers.len();
        other.headers.rotate_left(rotation % count);
        for ((name, value), odd) in other.headers.iter_mut().zip(odd) {
            *name = spelled_differently(name, odd);
            *value = format!("{padding}{}{padding}", spelled_differently(value, odd >> 1));
        }
        prop_assert_eq!(other.stages(), input.stages());
    }

    #[test]
    fn any_one_changed_input_changes_the_signature(
        input in any_input(), which in 0usize..8, at: prop::sample::Index, flip in 1u8..,
    ) {
        let mut other = input.clone();
        match which {
            0 => other.method.push('S'),
            1 => other.path.push('x'),
            2 => other.query.push('1'),
            3 => at.get_mut(&mut other.headers).1.push('x'),
            4 => *at.get_mut(other.payload.as_mut().expect("signed")) ^= flip,
            5 => other.timestamp = (other.timestamp + i64::from(flip)) % 253_402_300_800,
            6 => other.key.push('x'),
            _ => other.service.push('x'),
        }
        prop_assert_ne!(other.signature(), input.signature());
    }

    #[test]
    fn authorization_reads_back_to_its_parts(input in any_input()) {
        let Stages(stages) = input.stages();
        let [_, _, _, (_, scope), _, (_, signature), (_, value)] = &stages;
        let rest = value.strip_prefix("TC3-HMAC-SHA256 Credential=").expect("the algorithm");
        let parts: Vec<_> = rest.split(", ").collect();
        let [credential, names, last] = parts[..] else { panic!("three parts: {value}") };
        let (id, credential_scope) = credential.split_once('/').expect("a scope");
        prop_assert_eq!((id, credential_scope), (&*input.id, &**scope));
        let date_and_service = credential_scope.strip_suffix("/tc3_request").expect("an end");
        let (date, service) = date_and_service.split_once('/').expect("a date");
        prop_assert_eq!((date.len(), service), (10, &*input.service));
        let mut expected: Vec<_> = input.headers.iter().map(|(name, _)| &**name).collect();
        expected.sort_unstable();
        prop_assert_eq!(names, format!("SignedHeaders={}", expected.join(";")));
        prop_assert_eq!(last, format!("Signature={signature}"));
    }
}

/// What a session is asked to sign.
#[derive(Clone, Debug)]
struct Ask {
    job: String,
    endpoint: String,
    region: String,
    token: String,
    time: i64,
    id: String,
    key: String,
}

prop_compose! {
    fn any_ask()(
        job in "(?s).{1,40}",
        endpoint in "https://[a-z]{1,20}\\.example(:[1-9][0-9]{0,3})?/?|http://127\\.0\\.0\\.[1-9]:[1-9][0-9]{0,3}|http://\\[::1\\]:[1-9][0-9]{0,3}|TCSS\\.Intl\\.TencentCloudAPI\\.com",
        region in "([a-z]{2}-[a-z]{3,10})?",
        token in "[!-~]{0,60}",
        time in 0i64..=253_402_300_799,
        id in "[A-Za-z0-9]{1,40}",
        key in "[!-~]{1,64}",
    ) -> Ask {
        Ask { job, endpoint, region, token, time, id, key }
    }
}

impl Ask {
    fn wire(&self) -> Wire {
        let endpoint: Endpoint = self.endpoint.parse().expect("an endpoint");
        let mut session = Session::new(endpoint).with_region(&self.region).expect("a region");
        let credentials = Credentials::new(&*self.id, &*self.key).expect("a key pair");
        let credentials = credentials.with_token(&*self.token).expect("a token");
        let action = DescribeExportJobResult::new(JobId::new(&*self.job).expect("an id"));
        Wire::of(&session.request(&action, &credentials, at(self.time)).expect("a request"))
    }
}

/// Puts another character of the same kind in place of one.
fn flip(text: &mut String, at: usize) {
    let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
    text.replace_range(at..=at, other);
}

proptest! {
    #[test]
    fn service_accepts_what_a_session_signs(ask in any_ask()) {
        let verified = ask.wire().verify(ask.time, &ask.id, &ask.key).expect("accepted");
        prop_assert_eq!(verified.secret_id, ask.id);
        prop_assert_eq!(verified.timestamp, ask.time);
        prop_assert_eq!(&*verified.signed_headers, "content-type;host;x-tc-action");
        prop_assert!(verified.payload_signed);
    }

    #[test]
    fn service_refuses_a_request_that_is_changed_on_the_way(
        ask in any_ask(), which in 0usize..7, at: prop::sample::Index, bit in 0u32..8,
    ) {
        let mut wire = ask.wire();
        let mut expected = Some(Refusal::Signature);
        match which {
            0 => *at.get_mut(&mut wire.body) ^= 1u8 << bit,
            1 => wire.header_mut("host").push('0'),
            2 => wire.header_mut("content-type").push_str("; charset=utf-8"),
            3 => wire.header_mut("x-tc-action").push('s'),
            4 => {
                // Another second may be of another date, which is noticed before the signature.
                let time = ask.time + 1 - 2 * i64::from(ask.time == 253_402_300_799);
                *wire.header_mut("x-tc-timestamp") = time.to_string();
                expected = None;
            }
            5 => {
                let value = wire.header_mut("authorization");
                let digit = value.len() - 64 + at.index(64);
                flip(value, digit);
            }
            _ => {
                let value = wire.header_mut("authorization");
                let date = value.find('/').expect("a scope") + 1;
                flip(value, date + [0, 1, 2, 3, 5, 6, 8, 9][at.index(8)]);
                expected = Some(Refusal::ScopeDate);
            }
        }
        let refusal = wire.verify(ask.time, &ask.id, &ask.key).unwrap_err();
        prop_assert!(expected.is_none_or(|expected| expected == refusal), "{}", refusal);
    }
}
