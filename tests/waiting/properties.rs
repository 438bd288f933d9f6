//! What holds for any sequence of answers.

use proptest::prelude::*;
use tcss_export::{driver::TransportErrorKind, wait::Policy};

use crate::{
    common::header,
    harness::{Exchange, Harness, answer, api, fault, members, ms, running, secs},
    with::with,
};

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let exchange = prop_oneof![
        4 => Just(running()),
        1 => Just(members(r#""ExportStatus":"SUCCESS""#)),
        1 => Just(members(r#""ExportStatus":"PENDING""#)),
        2 => "InternalError|RequestLimitExceeded|AuthFailure\\.(TokenFailure|SignatureExpire)"
            .prop_map(|code| api(&code)),
        1 => Just(api("AuthFailure.SignatureExpire").dated("Tue, 14 Nov 2023 17:30:00 GMT")),
        1 => Just(answer(503, "busy").with_header("retry-after", "60")),
        2 => prop_oneof![
            Just(TransportErrorKind::Connection),
            Just(TransportErrorKind::Timeout),
            Just(TransportErrorKind::Truncated),
        ].prop_map(fault),
    ];
    (exchange, 0u64..40_000, -4_000i64..4_000)
        .prop_map(|(exchange, took, jump)| exchange.taking(ms(took)).then_wall_jumps(jump))
}

proptest! {
    /// Every poll starts before the deadline, every wait ends in time, each request has the time of
    /// its start, and the report counts what happened.
    #[test]
    fn a_wait_ends_in_time_and_reports_what_happened(
        seed: u64,
        max_wait in 0u64..400,
        script in proptest::collection::vec(any_exchange(), 1..40),
    ) {
        let policy = with(Policy::default(), |p| p.max_wait = secs(max_wait));
        let mut wait = Harness::new(&policy, seed);
        let mut script = script.into_iter().cycle();
        let mut starts = Vec::new();
        while let Some(_fresh) = wait.sleep() {
            prop_assert!(wait.now < secs(max_wait));
            let request = wait.start().expect("a poll is due");
            let wall = wait.session.clock_offset().apply(wait.now().wall).unix_seconds();
            prop_assert_eq!(header(&request, "x-tc-timestamp"), wall.to_string());
            starts.push(wait.now);
            let exchange = script.next().expect("an endless script");
            // A driver gives up at the exchange limit.
            let exchange = match exchange.took > policy.exchange_limit {
                true => fault(TransportErrorKind::Timeout).taking(policy.exchange_limit),
                false => exchange,
            };
            wait.answer(exchange);
        }
        prop_assert!(wait.now <= secs(max_wait) + policy.exchange_limit);
        let error = wait.waiter.finish().expect_err("no script has a URL");
        prop_assert_eq!(usize::try_from(error.report.polls), Ok(starts.len()));
        prop_assert_eq!(error.report.elapsed, wait.now);
        prop_assert!(error.report.retries <= error.report.polls);
    }
}
