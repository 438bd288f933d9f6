//! Whatever comes, a wait keeps its promises.

use proptest::prelude::*;
use tcss_export::{driver::TransportErrorKind, wait::Policy};

use crate::{
    common::header,
    exchange::{Exchange, api, fault, members, running, said},
    rig::{Rig, ms, secs},
    with::with,
};

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let what = prop_oneof![
        4 => Just(running()),
        1 => Just(members(r#""ExportStatus":"SUCCESS""#)),
        1 => Just(members(r#""ExportStatus":"PENDING""#)),
        2 => "InternalError|RequestLimitExceeded|AuthFailure\\.(TokenFailure|SignatureExpire)"
            .prop_map(|code| api(&code)),
        1 => Just(api("AuthFailure.SignatureExpire").dated("Tue, 14 Nov 2023 17:30:00 GMT")),
        1 => Just(said(503, "busy").with_header("retry-after", "60")),
        2 => prop_oneof![
            Just(TransportErrorKind::Connection),
            Just(TransportErrorKind::Timeout),
            Just(TransportErrorKind::Truncated),
        ].prop_map(fault),
    ];
    (what, 0u64..40_000, -4_000i64..4_000)
        .prop_map(|(what, took, jump)| what.taking(ms(took)).then_wall_jumps(jump))
}

proptest! {
    /// Whatever comes: starts lie before the deadline, every wait ends in time, each request is
    /// signed for its moment, and what is reported is what happened.
    #[test]
    fn any_script_keeps_the_promises_of_a_wait(
        seed: u64,
        max_wait in 0u64..400,
        script in proptest::collection::vec(any_exchange(), 1..40),
    ) {
        let policy = with(Policy::default(), |p| p.max_wait = secs(max_wait));
        let mut rig = Rig::new(&policy, seed);
        let mut script = script.into_iter().cycle();
        let mut starts = Vec::new();
        while let Some(_fresh) = rig.sleep() {
            prop_assert!(rig.now < secs(max_wait));
            let request = rig.start().expect("a poll is due");
            let wall = rig.session.clock_offset().apply(rig.now().wall).unix_seconds();
            prop_assert_eq!(header(&request, "x-tc-timestamp"), wall.to_string());
            starts.push(rig.now);
            let exchange = script.next().expect("a cycle");
            // A driver gives up at the moment that the step named.
            let exchange = match exchange.took > policy.exchange_limit {
                true => fault(TransportErrorKind::Timeout).taking(policy.exchange_limit),
                false => exchange,
            };
            rig.answer(exchange);
        }
        prop_assert!(rig.now <= secs(max_wait) + policy.exchange_limit);
        let error = rig.waiter.finish().expect_err("no script has a URL");
        prop_assert_eq!(usize::try_from(error.report.polls), Ok(starts.len()));
        prop_assert_eq!(error.report.elapsed, rig.now);
        prop_assert!(error.report.retries <= error.report.polls);
    }
}
