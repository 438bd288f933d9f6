//! One table of cases that every transport passes, over plain HTTP and over TLS with a private
//! authority, checked on the bytes of the wire.
#![cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]

mod alerts;
mod cases;
#[path = "../common/clients.rs"]
mod clients;
#[path = "../common/given.rs"]
mod given;
mod jobs;
#[cfg(feature = "hyper")]
#[path = "../common/smol.rs"]
mod on_smol;
#[path = "../common/requests.rs"]
mod requests;
mod roots;
mod setup;
#[cfg(feature = "hyper")]
mod smol;
#[path = "../common/with.rs"]
mod with;

/// Makes each row a test of its own in a module for each way to set up a client.
macro_rules! table {
    ($($case:ident,)*) => {
        #[cfg(feature = "ureq")]
        table!(@client ureq_own, Ureq, Own, Plain, $($case,)*);
        #[cfg(feature = "ureq")]
        table!(@client ureq_given, Ureq, Given, Plain, $($case,)*);
        #[cfg(feature = "ureq")]
        table!(@client ureq_given_tls, Ureq, Given, Tls, $($case,)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_own, Hyper, Own, Plain, $($case,)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_given, Hyper, Given, Plain, $($case,)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_given_tls, Hyper, Given, Tls, $($case,)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_own, Reqwest, Own, Plain, $($case,)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_given, Reqwest, Given, Plain, $($case,)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_given_tls, Reqwest, Given, Tls, $($case,)*);
    };
    (@client $module:ident, $library:ident, $http:ident, $wire:ident, $($case:ident,)*) => {
        mod $module {
            use crate::clients::{Http, Library, Setup, Wire};

            $(
                #[test]
                fn $case() {
                    let (library, http, wire) = (Library::$library, Http::$http, Wire::$wire);
                    crate::cases::$case(&Setup { library, http, wire });
                }
            )*
        }
    };
}

table! {
    a_status_is_no_error,
    the_host_header_is_the_signed_host,
    a_redirect_is_not_followed,
    a_silent_server_ends_in_a_time_limit,
    an_answer_that_stalls_ends_in_a_time_limit,
    the_request_leaves_as_it_was_signed,
    the_bytes_on_the_wire_verify,
    a_page_of_a_gateway_is_an_error_of_its_own,
    a_page_with_status_200_is_no_success,
    an_empty_body_is_an_empty_answer,
    cut_json_is_a_truncated_answer,
    a_body_that_ends_too_early_is_the_transports_error,
    a_compressed_answer_is_an_error_that_names_the_coding,
    an_answer_of_the_largest_size_arrives_whole,
    a_larger_declared_answer_is_refused,
    a_larger_chunked_answer_is_refused,
    a_chunked_answer_arrives_whole,
    a_broken_connection_is_told_and_nothing_is_sent_again,
    a_stale_connection_is_told_or_replaced_and_nothing_is_sent_twice,
    what_is_no_http_is_a_broken_connection,
    a_head_too_large_for_one_library_ends_no_wait,
    a_closed_port_is_a_broken_connection,
    connections_are_kept,
    no_secret_is_in_any_text,
}
