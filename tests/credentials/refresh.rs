//! When credentials are fetched again, at a virtual clock.

use std::{
    error::Error,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use tcss_export::{
    core::AddressPolicy,
    credentials::{Chain, ChainError, Source, SourceErrorKind},
    driver::{TransportError, TransportErrorKind},
};

use crate::{ID, KEY, chain, virtual_machine::VirtualMachine};

fn role() -> Chain {
    chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new())
}

/// Asks the chain at this second and returns the number of the issued keys.
fn ask(
    chain: &Chain,
    machine: &VirtualMachine,
    second: u64,
    fresh: bool,
) -> Result<u32, ChainError> {
    machine.state().elapsed = second;
    let found = smol::block_on(chain.find(machine, fresh))?;
    let nth = found.credentials.secret_id().strip_prefix(ID).unwrap().parse().unwrap();
    let keys = tcss_export::Credentials::new(format!("{ID}{nth}"), format!("{KEY}{nth}"));
    let keys = keys.unwrap().with_token(format!("EXAMPLETOKEN{nth}")).unwrap();
    assert_eq!(found.credentials, keys, "one consistent set");
    Ok(nth)
}

#[test]
fn the_role_of_a_machine_takes_two_requests_with_short_limits() {
    let machine = VirtualMachine::with_lifetime(7_200);
    let found = smol::block_on(role().find(&machine, false)).unwrap();
    assert_eq!(found.origin, "instance role example-role");
    let folder = "http://metadata.tencentyun.com/latest/meta-data/cam/security-credentials/";
    assert_eq!(machine.sent(), [folder.to_owned(), format!("{folder}example-role")]);
    for limits in machine.limits() {
        assert_eq!(limits.total, Some(Duration::from_secs(1)));
        assert_eq!(limits.address_policy, AddressPolicy::Any);
    }
}

#[test]
fn only_the_name_of_a_role_is_accepted_as_one() {
    let ask_with = |status, role: &str| {
        let machine = VirtualMachine::with_lifetime(7_200);
        machine.state().role = Some((status, role.to_owned()));
        let result = ask(&self::role(), &machine, 0, false);
        result.map_err(|error| error.tried()[0].to_string())
    };
    let longest = "+=,.@_-b9Z".repeat(13);
    assert_eq!(ask_with(200, &longest[..128]), Ok(1));
    assert_eq!(ask_with(200, "example-role\n"), Ok(1));
    for other in [&longest[..129], "", "\n", "a b", "../a", "a?b", "<html>", "r\u{f6}le"] {
        let problem = "instance role: the answer is not the name of a role";
        assert_eq!(ask_with(200, other).unwrap_err(), problem, "{other}");
    }
    let problem = "instance role: the service answered HTTP status 500 Internal Server Error";
    assert_eq!(ask_with(500, "example-role").unwrap_err(), problem);
}

#[test]
fn keys_are_fetched_again_five_minutes_before_they_expire() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    for (second, nth) in [(0, 1), (1, 1), (6_899, 1), (6_900, 2), (6_901, 2), (13_799, 2)] {
        assert_eq!(ask(&chain, &machine, second, false).unwrap(), nth, "{second}");
    }
}

#[test]
fn short_lived_keys_are_fetched_again_in_the_last_tenth_of_their_lifetime() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(600));
    for (second, nth) in [(0, 1), (539, 1), (540, 2)] {
        assert_eq!(ask(&chain, &machine, second, false).unwrap(), nth, "{second}");
    }
}

#[test]
fn after_a_failed_refresh_keys_are_used_until_they_expire() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    ask(&chain, &machine, 0, false).unwrap();
    machine.state().fails = true;
    // One request each time, and then a pause.
    for (second, requests) in [(6_900, 3), (6_904, 3), (6_905, 4), (7_199, 5)] {
        assert_eq!(ask(&chain, &machine, second, false).unwrap(), 1, "{second}");
        assert_eq!(machine.sent().len(), requests, "{second}");
    }
    let error = ask(&chain, &machine, 7_200, false).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Fault(TransportErrorKind::Timeout));
    assert!(error.is_transient());
    let cause = error.source().and_then(|cause| cause.downcast_ref::<TransportError>());
    assert_eq!(cause.map(TransportError::kind), Some(TransportErrorKind::Timeout));
    machine.state().fails = false;
    assert_eq!(ask(&chain, &machine, 7_200, false).unwrap(), 2);
}

#[test]
fn refused_keys_are_replaced_at_once_and_the_new_ones_serve_all() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    assert_eq!(ask(&chain, &machine, 0, false).unwrap(), 1);
    assert_eq!(ask(&chain, &machine, 0, true).unwrap(), 2);
    // Other requests were refused with the first keys, too.
    assert_eq!(ask(&chain, &machine, 4, true).unwrap(), 2);
    assert_eq!(ask(&chain, &machine, 5, true).unwrap(), 3);
    machine.state().fails = true;
    let error = ask(&chain, &machine, 60, true).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Fault(TransportErrorKind::Timeout));
    assert_eq!(ask(&chain, &machine, 60, false).unwrap(), 3);
}

#[test]
fn a_wall_clock_that_jumps_back_does_not_prolong_keys() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    ask(&chain, &machine, 0, false).unwrap();
    machine.state().jump = -86_400;
    assert_eq!(ask(&chain, &machine, 6_899, false).unwrap(), 1);
    assert_eq!(ask(&chain, &machine, 6_900, false).unwrap(), 2);
}

#[test]
fn a_wall_clock_that_jumps_ahead_is_corrected_by_the_date_of_the_answer() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    machine.state().sends_date = true;
    assert_eq!(ask(&chain, &machine, 0, false).unwrap(), 1);
    // The machine may have slept, so the keys may have expired.
    machine.state().jump = 86_400;
    assert_eq!(ask(&chain, &machine, 1, false).unwrap(), 2);
    assert_eq!(ask(&chain, &machine, 2, false).unwrap(), 2);
}

#[test]
fn keys_that_have_expired_by_the_only_clock_are_an_error() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    machine.state().jump = 86_400;
    let error = ask(&chain, &machine, 0, false).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Fault(TransportErrorKind::Connection));
    let text = "the credentials could not be obtained\n  \
                instance role: the issued keys have expired already";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_thousand_requests_cause_one_refresh() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    let all = || smol::block_on(join_all((0..1_000).map(|_| chain.find(&machine, false))));
    assert!(all().iter().all(Result::is_ok));
    assert_eq!(machine.issued(), 1);
    machine.state().elapsed = 6_900;
    assert!(all().iter().all(Result::is_ok));
    assert_eq!(machine.issued(), 2);
    machine.state().elapsed = 20_000;
    assert!(all().iter().all(Result::is_ok));
    assert_eq!(machine.issued(), 3);
}

#[test]
fn a_thousand_refused_requests_cause_one_refresh() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    ask(&chain, &machine, 0, false).unwrap();
    let all = smol::block_on(join_all((0..1_000).map(|_| chain.find(&machine, true))));
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(machine.issued(), 2);
}

#[test]
fn during_a_refresh_valid_keys_serve_all_but_those_whose_keys_were_refused() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    ask(&chain, &machine, 0, false).unwrap();
    let mut refreshing = pin!(chain.find(&machine, true));
    assert!(refreshing.as_mut().now_or_never().is_none());
    machine.state().elapsed = 6_900;
    let current = chain.find(&machine, false).now_or_never().unwrap().unwrap();
    assert_eq!(current.credentials.secret_id(), "AKIDEXAMPLE1");
    let mut refused = pin!(chain.find(&machine, true));
    assert!(refused.as_mut().now_or_never().is_none());
    let renewed = smol::block_on(refreshing).unwrap();
    assert_eq!(renewed.credentials.secret_id(), "AKIDEXAMPLE2");
    let renewed = smol::block_on(refused).unwrap();
    assert_eq!(renewed.credentials.secret_id(), "AKIDEXAMPLE2");
}

#[test]
fn requests_whose_keys_were_refused_share_one_failure() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    ask(&chain, &machine, 0, false).unwrap();
    machine.state().fails = true;
    let all = smol::block_on(join_all((0..1_000).map(|_| chain.find(&machine, true))));
    assert!(all.iter().all(Result::is_err));
    assert_eq!(machine.sent().len(), 3);
}

#[test]
fn a_thousand_requests_share_one_failure() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    machine.state().fails = true;
    let all = smol::block_on(join_all((0..1_000).map(|_| chain.find(&machine, false))));
    assert!(all.iter().all(Result::is_err));
    assert_eq!(machine.sent().len(), 1);
    // A later call tries again.
    machine.state().fails = false;
    assert_eq!(ask(&chain, &machine, 0, false).unwrap(), 1);
}

#[test]
fn a_dropped_refresh_leaves_the_next_call_free() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    {
        let mut dropped = pin!(chain.find(&machine, false));
        assert!(dropped.as_mut().now_or_never().is_none());
    }
    assert_eq!(ask(&chain, &machine, 0, false).unwrap(), 1);
}

// The virtual machine answers at the second poll.
#[test]
fn a_dropped_refresh_leaves_valid_keys_in_use_and_is_not_repeated_at_once() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    ask(&chain, &machine, 0, false).unwrap();
    machine.state().elapsed = 6_900;
    {
        let mut dropped = pin!(chain.find(&machine, false));
        assert!(dropped.as_mut().now_or_never().is_none());
        // The limit of a caller may be longer than the pause.
        machine.state().elapsed = 6_920;
    }
    for second in [6_920, 6_924] {
        machine.state().elapsed = second;
        let found = chain.find(&machine, false).now_or_never().expect("no request").unwrap();
        assert_eq!(found.credentials.secret_id(), "AKIDEXAMPLE1");
    }
    assert_eq!(ask(&chain, &machine, 6_925, false).unwrap(), 2);
}

#[test]
fn repeated_keys_are_fetched_again_after_each_pause() {
    let (chain, machine) = (role(), VirtualMachine::with_lifetime(7_200));
    ask(&chain, &machine, 0, false).unwrap();
    machine.state().repeats = true;
    for (second, requests) in [(6_900, 4), (6_904, 4), (6_905, 6), (6_909, 6), (6_910, 8)] {
        assert_eq!(ask(&chain, &machine, second, false).unwrap(), 1, "{second}");
        assert_eq!(machine.sent().len(), requests, "{second}");
    }
    machine.state().repeats = false;
    assert_eq!(ask(&chain, &machine, 6_914, false).unwrap(), 1);
    assert_eq!(ask(&chain, &machine, 6_915, false).unwrap(), 2);
    // The margin of new keys is that of their own lifetime.
    assert_eq!(ask(&chain, &machine, 6_915 + 6_899, false).unwrap(), 2);
    assert_eq!(ask(&chain, &machine, 6_915 + 6_900, false).unwrap(), 3);
}

#[test]
fn keys_that_do_not_expire_are_read_again_only_after_a_refusal() {
    static READS: AtomicUsize = AtomicUsize::new(0);
    let chain = Chain::default().with_sources([Source::Environment]);
    let chain = chain.with_variables(|name| match name {
        "TENCENTCLOUD_SECRET_ID" => {
            Some(format!("{ID}{}", READS.fetch_add(1, Ordering::Relaxed)).into())
        }
        "TENCENTCLOUD_SECRET_KEY" => Some(KEY.into()),
        _ => None,
    });
    let machine = VirtualMachine::default();
    let id = |second, fresh| {
        machine.state().elapsed = second;
        let found = smol::block_on(chain.find(&machine, fresh)).unwrap();
        found.credentials.secret_id().to_owned()
    };
    let names = [(0, false), (1_000_000, false), (1_000_001, true), (1_000_002, false)];
    assert_eq!(
        names.map(|(second, fresh)| id(second, fresh)),
        ["AKIDEXAMPLE0", "AKIDEXAMPLE0", "AKIDEXAMPLE1", "AKIDEXAMPLE1",]
    );
}

#[test]
fn a_source_that_cannot_be_used_ends_the_chain_and_an_absent_one_does_not() {
    let machine = VirtualMachine::with_lifetime(7_200);
    let sources = || vec![Source::Environment, Source::InstanceRole];
    let absent = chain(sources(), Vec::<(&str, &str)>::new());
    assert_eq!(ask(&absent, &machine, 0, false).unwrap(), 1);
    let broken = chain(sources(), vec![("TENCENTCLOUD_SECRET_ID", ID)]);
    let error = ask(&broken, &machine, 0, false).unwrap_err();
    assert_eq!((error.kind(), error.tried().len()), (SourceErrorKind::Broken, 1));
    assert_eq!(machine.issued(), 1);
}

#[test]
fn the_error_of_the_default_chain_lists_every_source() {
    let machine = VirtualMachine::default();
    machine.state().fails = true;
    let chain = chain(Source::DEFAULT.into(), vec![("HOME", "/home/nobody-here")]);
    let error = ask(&chain, &machine, 0, false).unwrap_err();
    let text = "the credentials could not be obtained
  environment: TENCENTCLOUD_SECRET_ID is not set
  credentials file: /home/nobody-here/.tencentcloud/credentials: no such file; \
                /etc/tencentcloud/credentials: no such file
  profile default of tccli, /home/nobody-here/.tccli/default.credential: no such file
  identity of a TKE pod: TKE_ROLE_ARN is not set
  instance role: the request failed";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.kind(), SourceErrorKind::Fault(TransportErrorKind::Timeout));
}

#[test]
fn an_empty_chain_is_an_error() {
    let error =
        ask(&chain(vec![], Vec::<(&str, &str)>::new()), &VirtualMachine::default(), 0, false);
    let error = error.unwrap_err();
    assert_eq!(error.to_string(), "no source of credentials is configured");
    assert!(!error.is_transient());
}
