//! What changes a signature and what does not, for any input.

use proptest::prelude::*;

use crate::{Input, Stages};

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

fn in_upper_case_if(is_upper: bool, text: &str) -> String {
    if is_upper { text.to_ascii_uppercase() } else { text.to_owned() }
}

proptest! {
    #[test]
    fn order_case_and_padding_of_headers_do_not_matter(
        input in any_input(), rotation: usize, upper: [(bool, bool); 6], padding in "[ \t]{0,3}",
    ) {
        let mut other = input.clone();
        let count = other.headers.len();
        other.headers.rotate_left(rotation % count);
        for ((name, value), upper) in other.headers.iter_mut().zip(upper) {
            *name = in_upper_case_if(upper.0, name);
            *value = format!("{padding}{}{padding}", in_upper_case_if(upper.1, value));
        }
        prop_assert_eq!(other.stages(), input.stages());
    }

    #[test]
    fn changing_any_one_input_changes_the_signature(
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
    fn the_authorization_header_parses_back_into_its_parts(input in any_input()) {
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
