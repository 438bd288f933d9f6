//! The text form of scripts and of download faults.

use proptest::prelude::*;
use tcss_export_testkit::{CreateFault, CreateFaults, DownloadFault, DownloadFaults, Script, Step};

fn steps(text: &str) -> Vec<Step> {
    text.parse::<Script>().expect(text).steps().to_vec()
}

#[track_caller]
fn script_refused(text: &str, expected: &str) {
    assert_eq!(text.parse::<Script>().expect_err(text).to_string(), expected);
}

#[track_caller]
fn faults_read(text: &str, faults: impl IntoIterator<Item = DownloadFault>) {
    assert_eq!(text.parse::<DownloadFaults>(), DownloadFaults::new(faults));
}

#[track_caller]
fn faults_refused(text: &str, expected: &str) {
    assert_eq!(text.parse::<DownloadFaults>().expect_err(text).to_string(), expected);
}

#[test]
fn running_may_name_its_progress() {
    assert_eq!(steps("RUNNING,RUNNING:42.5"), [Step::Running(None), Step::Running(Some(42.5))]);
}

#[test]
fn success_with_a_colon_and_nothing_has_an_empty_url() {
    assert_eq!(
        steps("SUCCESS,SUCCESS:"),
        [Step::Success(None), Step::Success(Some(String::new()))]
    );
}

#[test]
fn a_url_keeps_its_colons() {
    assert_eq!(
        steps("SUCCESS:https://h.example:1/a?b=c")[0].to_string(),
        "SUCCESS:https://h.example:1/a?b=c"
    );
}

#[test]
fn every_step_reads_back() {
    let text = "RUNNING:10,SUCCESS,FAILURE:out of room,STATUS:PENDING,ERROR:AuthFailure.TokenFailure,\
                HTTP:502,EMPTY,CUT,CUTJSON,RESET,HANG,SKEW:-600,NULLS";
    assert_eq!(text.parse::<Script>().expect(text).to_string(), text);
}

#[test]
fn blanks_before_a_step_are_ignored() {
    assert_eq!(steps(" EMPTY, CUT"), [Step::Empty, Step::Cut]);
}

#[test]
fn an_empty_script_is_script_refused() {
    script_refused(" ", "a script needs at least one step");
}

#[test]
fn a_script_without_steps_has_no_position() {
    let error = Script::new([]).expect_err("no steps");
    assert_eq!((error.position(), error.step()), (None, ""));
}

#[test]
fn an_unknown_step_is_named_with_its_position() {
    let error = "RUNNING,PAUSED:1".parse::<Script>().expect_err("unknown");
    assert_eq!((error.position(), error.step()), (Some(2), "PAUSED:1"));
}

#[test]
fn the_text_of_an_unknown_step_lists_the_known_ones() {
    script_refused(
        "RUNING",
        "step 1 \"RUNING\": expected RUNNING, SUCCESS, FAILURE, STATUS, ERROR, HTTP, EMPTY, CUT, \
         CUTJSON, RESET, HANG, SKEW or NULLS",
    );
}

#[test]
fn a_step_without_a_value_takes_none() {
    script_refused("CUT:5", "step 1 \"CUT:5\": expected nothing after the name");
}

#[test]
fn an_error_needs_a_code() {
    script_refused("ERROR", "step 1 \"ERROR\": expected a colon and a value after the name");
}

#[test]
fn an_error_code_has_no_blank() {
    script_refused(
        "ERROR:Internal Error",
        "step 1 \"ERROR:Internal Error\": expected an error code like InternalError or \
         AuthFailure.TokenFailure",
    );
}

#[test]
fn a_progress_is_a_finite_number() {
    script_refused("RUNNING:inf", "step 1 \"RUNNING:inf\": expected a progress like 42.5");
}

#[test]
fn the_http_status_of_a_step_is_at_least_200() {
    script_refused("HTTP:100", "step 1 \"HTTP:100\": expected an HTTP status from 200 to 599");
}

#[test]
fn a_skew_is_a_whole_number() {
    script_refused(
        "SKEW:1.5,EMPTY",
        "step 1 \"SKEW:1.5\": expected a whole number of seconds like 600 or -600",
    );
}

#[test]
fn a_skew_is_never_the_last_step() {
    script_refused(
        "RUNNING,SKEW:600",
        "step 2 \"SKEW:600\": a SKEW answers nothing, so another step must follow it",
    );
}

#[test]
fn a_comma_in_a_built_step_is_refused() {
    let error = Script::new([Step::Status("a,b".to_owned())]).expect_err("comma");
    let text = "step 1 \"STATUS:a,b\": expected a text without commas and line ends";
    assert_eq!(error.to_string(), text);
}

#[test]
fn every_fault_reads_back() {
    let text = "OK,CUT:1,STALL:2,SLOW:3,RESET,CHUNKED,CHUNKED-CUT:4,ETAG,ETAG:a-1,NOETAG,WEAK,CRC,\
                NOCRC,FULL,RANGE,LESS:5,GZIP,REDIRECT,EXPIRED,DENIED,GONE,HTTP:503";
    assert_eq!(text.parse::<DownloadFaults>().expect(text).to_string(), text);
}

#[test]
fn an_empty_list_has_no_fault() {
    faults_read(" ", []);
}

#[test]
fn blanks_before_a_fault_are_ignored() {
    faults_read(" GONE, CUT:7", [DownloadFault::Gone, DownloadFault::Cut(7)]);
}

#[test]
fn an_unknown_fault_is_named_with_its_position() {
    faults_refused(
        "OK,cut:1",
        "fault 2 \"cut:1\": expected OK, CUT, STALL, SLOW, RESET, CHUNKED, CHUNKED-CUT, ETAG, \
         NOETAG, WEAK, CRC, NOCRC, FULL, RANGE, LESS, GZIP, REDIRECT, EXPIRED, DENIED, GONE or HTTP",
    );
}

#[test]
fn a_fault_that_needs_a_value_is_refused_without_one() {
    faults_refused("CUT", "fault 1 \"CUT\": expected a colon and a value after the name");
}

#[test]
fn a_fault_without_a_value_takes_none() {
    faults_refused("GONE:1", "fault 1 \"GONE:1\": expected nothing after the name");
}

#[test]
fn the_bytes_of_a_fault_are_a_number() {
    faults_refused("STALL:-1", "fault 1 \"STALL:-1\": expected a number of bytes like 1000");
}

#[test]
fn less_needs_a_byte() {
    faults_refused("LESS:0", "fault 1 \"LESS:0\": expected at least one byte");
}

#[test]
fn slow_needs_a_byte() {
    let error = DownloadFaults::new([DownloadFault::Slow(0)]).expect_err("no byte");
    assert_eq!((error.position(), error.step()), (Some(1), "SLOW:0"));
}

#[test]
fn an_etag_has_no_quotes() {
    faults_refused(
        "ETAG:\"a\"",
        "fault 1 \"ETAG:\\\"a\\\"\": expected an ETag of letters, digits, dots, underscores and \
         hyphens",
    );
}

#[test]
fn the_http_status_of_a_fault_is_at_most_599() {
    faults_refused("HTTP:600", "fault 1 \"HTTP:600\": expected an HTTP status from 200 to 599");
}

fn any_step() -> impl Strategy<Value = Step> {
    let text = "[^,\r\n]{0,12}";
    prop_oneof![
        proptest::option::of(-1e9..1e9f64).prop_map(Step::Running),
        proptest::option::of(text).prop_map(Step::Success),
        proptest::option::of(text).prop_map(Step::Failure),
        text.prop_map(Step::Status),
        "[A-Za-z.]{1,20}".prop_map(Step::Error),
        (200..600u16).prop_map(Step::Http),
        any::<i64>().prop_map(Step::Skew),
        Just(Step::Empty),
        Just(Step::Cut),
        Just(Step::CutJson),
        Just(Step::Reset),
        Just(Step::Hang),
        Just(Step::Nulls),
    ]
}

proptest! {
    #[test]
    fn the_text_of_a_script_reads_back(mut steps in proptest::collection::vec(any_step(), 0..8)) {
        steps.push(Step::Nulls);
        let script = Script::new(steps).expect("steps of the grammar");
        prop_assert_eq!(script.to_string().parse::<Script>(), Ok(script));
    }

    #[test]
    fn parsing_any_text_never_panics(text in ".{0,40}") {
        let _ = text.parse::<Script>();
    }

    #[test]
    fn any_accepted_list_of_faults_reads_back(text in "([A-Z-]{0,11}(:[0-9a-z]{0,4})?,?){0,4}") {
        if let Ok(faults) = text.parse::<DownloadFaults>() {
            prop_assert_eq!(faults.to_string().parse::<DownloadFaults>(), Ok(faults));
        }
    }
}

#[test]
fn every_fault_of_creates_reads_back() {
    let text = "OK,LOST,HANG,DROP,ERROR:RequestLimitExceeded";
    let faults = text.parse::<CreateFaults>().expect(text);
    assert_eq!(faults.to_string(), text);
    let error = CreateFault::Error("RequestLimitExceeded".to_owned());
    let expected =
        [CreateFault::Ok, CreateFault::Lost, CreateFault::Hang, CreateFault::Drop, error];
    assert_eq!(CreateFaults::new(expected), Ok(faults));
}

#[test]
fn a_fault_of_creates_that_has_no_text_form_is_refused() {
    let error = CreateFaults::new([CreateFault::Error("a,b".to_owned())]).expect_err("a comma");
    let expected = "expected an error code like InternalError or AuthFailure.TokenFailure";
    assert_eq!(error.to_string(), format!("fault 1 \"ERROR:a,b\": {expected}"));
    let error = "OK,CUT:1".parse::<CreateFaults>().expect_err("a fault of downloads");
    assert_eq!(error.to_string(), "fault 2 \"CUT:1\": expected OK, LOST, HANG, DROP or ERROR");
}
