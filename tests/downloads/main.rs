//! Runs one table of downloads with each transport, over plain HTTP and over TLS with a private
//! authority, and checks the bytes on the wire and on the disk.
#![cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]

mod addresses;
mod bodies;
mod calls;
mod chunks;
#[path = "../common/clients.rs"]
mod clients;
#[path = "../common/custom_clients.rs"]
mod custom_clients;
#[path = "../common/folder.rs"]
mod folder;
mod limits;
#[cfg(feature = "hyper")]
#[path = "../common/smol.rs"]
mod on_smol;
mod renewing;
#[path = "../common/requests.rs"]
mod requests;
mod resuming;
mod roots;
#[cfg(feature = "hyper")]
mod runtimes;
mod secrets;
mod sending;
mod setup;
mod targets;
#[path = "../common/with.rs"]
mod with;

/// Makes each row a test, in one module for each way to set up a client.
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
    sending:
        an_expired_url_is_not_requested,
        the_request_target_is_the_text_of_the_url,
        the_request_has_these_headers_and_no_others,
        the_first_request_downloads_the_file,
        json_escapes_in_the_url_of_an_answer_are_decoded,
        the_query_is_sent_unchanged,
        ;
    bodies:
        a_refusal_has_the_facts_of_its_xml_and_leaves_no_file,
        a_matching_checksum_verifies_the_file,
        without_a_checksum_the_length_is_checked,
        another_checksum_is_an_error_that_leaves_no_file,
        a_content_encoding_is_an_error_that_names_it,
        a_content_encoding_that_changes_no_byte_is_accepted,
        a_file_of_11_mib_arrives_complete_and_in_pieces,
        the_bytes_are_not_changed,
        an_early_end_is_incomplete_and_leaves_only_the_part_file,
        an_empty_file_is_downloaded,
        a_chunked_file_arrives_complete,
        an_answer_without_length_or_chunks_is_an_error,
        the_checksum_proves_a_file_that_ends_with_its_connection,
        a_large_head_is_a_broken_connection,
        ;
    limits:
        a_slow_download_is_not_a_stall,
        limits_may_be_the_longest_durations,
        downloads_with_a_time_limit_share_a_connection,
        no_byte_within_the_stall_limit_is_a_stall,
        no_answer_within_the_stall_limit_is_a_timeout,
        endless_chunk_framing_does_not_delay_the_total_limit,
        ;
    secrets:
        no_text_shows_the_query_of_the_url,
        ;
    targets:
        a_missing_folder_is_an_error_before_any_request,
        an_existing_file_is_kept_and_nothing_is_sent,
        a_writer_gets_the_whole_file,
        a_cut_resumes_after_the_written_bytes,
        a_changed_file_ends_the_download,
        a_failing_writer_ends_the_download,
        ;
    resuming:
        a_whole_answer_to_a_range_request_replaces_the_part,
        a_cut_is_resumed_by_a_range_of_the_same_file,
        a_changed_file_starts_over,
        another_range_than_requested_starts_over,
        a_short_range_is_continued,
        an_encoded_range_is_an_error_that_names_the_encoding,
        a_redirect_is_not_followed,
        without_a_strong_tag_the_whole_file_is_requested_again,
        broken_connections_are_survived,
        the_part_of_a_dropped_download_is_resumed,
        ;
    renewing:
        an_expired_url_is_replaced_once_by_the_job,
        an_expired_url_without_a_job_is_an_error,
        a_url_that_expires_twice_is_an_error,
        an_expired_url_is_replaced_before_any_request,
        a_job_without_a_new_url_is_an_error_with_its_reason,
        a_poll_for_a_new_url_does_not_delay_the_total_limit,
        a_file_that_does_not_exist_yet_is_requested_again,
        a_file_that_stays_away_is_an_error,
        a_download_survives_faults_of_every_kind,
        ;
    chunks:
        a_file_arrives_over_several_connections,
        no_fault_of_a_chunk_fails_the_download,
        ;
    addresses:
        the_text_of_a_url_is_checked_before_anything_is_sent,
        ;
}
