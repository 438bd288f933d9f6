//! Requests that are prepared once and signed often.

use tcss_export::{
    Endpoint, Session,
    error::{Field, Reason},
};

use crate::{
    common::{self, HOST, SIGNATURE, TIME, action, at, credentials, session, signature},
    requests::refused,
};

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
