//! Every transport against one table of cases, over plain HTTP and over TLS with a private
//! certificate authority; the cases check the bytes on the wire.
#![cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]

mod cases;
#[path = "../common/clients.rs"]
mod clients;
#[cfg(any(feature = "hyper", feature = "ureq"))]
mod concurrency;
#[path = "../common/custom_clients.rs"]
mod custom_clients;
mod floods;
mod heads;
mod jobs;
mod limits;
#[cfg(feature = "hyper")]
#[path = "../common/smol.rs"]
mod on_smol;
#[path = "../common/requests.rs"]
mod requests;
mod setup;
mod tls;
#[path = "../common/with.rs"]
mod with;

/// One test for each case and each client.
macro_rules! table {
    ($($topic:ident: $($case:ident,)*;)*) => {
        #[cfg(feature = "ureq")]
        table!(@client ureq_default, Ureq, Default, Plain, $($($topic $case,)*)*);
        #[cfg(feature = "ureq")]
        table!(@client ureq_custom, Ureq, Custom, Plain, $($($topic $case,)*)*);
        #[cfg(feature = "ureq")]
        table!(@client ureq_custom_tls, Ureq, Custom, Tls, $($($topic $case,)*)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_default, Hyper, Default, Plain, $($($topic $case,)*)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_custom, Hyper, Custom, Plain, $($($topic $case,)*)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_custom_tls, Hyper, Custom, Tls, $($($topic $case,)*)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_default, Reqwest, Default, Plain, $($($topic $case,)*)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_custom, Reqwest, Custom, Plain, $($($topic $case,)*)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_custom_tls, Reqwest, Custom, Tls, $($($topic $case,)*)*);
    };
    (@client $module:ident, $library:ident, $http:ident, $wire:ident, $($topic:ident $case:ident,)*) => {
        mod $module {
            use crate::clients::{HttpClient, Library, Setup, Wire};

            $(
                #[test]
                fn $case() {
                    let (library, http, wire) = (Library::$library, HttpClient::$http, Wire::$wire);
                    crate::$topic::$case(&Setup { library, http, wire });
                }
            )*
        }
    };
}

table! {
    cases:
        an_http_error_status_still_reads_the_answer,
        the_host_header_is_the_signed_host,
        a_redirect_is_not_followed,
        a_silent_server_is_a_timeout,
        a_stalled_answer_is_a_timeout,
        the_request_is_sent_as_it_was_signed,
        the_bytes_on_the_wire_have_a_valid_signature,
        a_gateway_page_is_an_error_with_its_content_type_and_a_snippet,
        a_page_with_status_200_is_never_a_success,
        an_empty_body_is_an_empty_answer,
        cut_json_is_a_truncated_answer,
        a_body_shorter_than_its_length_is_a_truncated_transfer,
        the_error_for_a_compressed_answer_names_the_encoding,
        a_content_encoding_that_changes_no_byte_counts_as_none,
        a_message_that_is_not_utf8_hides_neither_status_nor_code,
        an_answer_of_the_largest_size_is_read,
        a_larger_answer_with_a_length_is_refused,
        a_larger_chunked_answer_is_refused,
        a_chunked_answer_is_read,
        a_broken_connection_is_reported_and_nothing_is_sent_again,
        a_stale_connection_is_reported_or_replaced_and_nothing_is_sent_twice,
        an_answer_that_is_not_http_is_a_broken_connection,
        a_closed_port_is_a_broken_connection,
        a_date_in_any_form_corrects_the_clock,
        a_retry_after_date_may_have_any_form,
        connections_are_reused,
        a_cookie_does_not_cost_the_connection,
        the_limit_may_be_the_longest_duration,
        errors_and_clients_show_no_secret,
        ;
    heads:
        a_head_of_the_largest_size_is_read,
        a_larger_head_is_a_broken_connection,
        the_largest_number_of_headers_is_read,
        more_headers_are_a_broken_connection,
        an_answer_that_ends_with_its_connection_is_read,
        half_an_answer_that_ends_with_its_connection_is_truncated,
        a_body_without_its_declared_end_is_a_truncated_transfer,
        the_reason_phrase_does_not_matter,
        lines_may_end_with_a_line_feed_alone,
        an_unusual_value_of_a_header_is_accepted,
        a_malformed_header_is_a_broken_connection,
        equal_lengths_count_as_one,
        an_unusable_length_is_a_broken_connection,
        chunks_replace_a_length,
        short_chunk_extensions_and_trailers_are_ignored,
        a_malformed_chunk_is_a_truncated_transfer,
        an_answer_of_http_1_0_has_a_length_and_no_chunks,
        another_version_is_a_broken_connection,
        interim_responses_are_skipped,
        interim_responses_count_as_parts_of_the_head,
        an_answer_without_a_body_is_empty,
        a_status_has_three_digits_from_100_on,
        ;
}
