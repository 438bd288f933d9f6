//! One table of downloads that every transport passes, over plain HTTP and over TLS with a private
//! authority, checked on the bytes of the wire and on the disk.
#![cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]

mod addresses;
mod answers;
mod arriving;
mod calls;
#[path = "../common/clients.rs"]
mod clients;
mod folder;
mod framing;
#[path = "../common/given.rs"]
mod given;
#[cfg(feature = "hyper")]
#[path = "../common/smol.rs"]
mod on_smol;
mod renewing;
#[path = "../common/requests.rs"]
mod requests;
mod resuming;
#[cfg(feature = "hyper")]
mod runtimes;
mod secrets;
mod sending;
mod setup;
mod stalling;
mod targets;
#[path = "../common/with.rs"]
mod with;
mod writers;

/// Makes each row a test of its own in a module for each way to set up a client.
macro_rules! table {
    ($($room:ident: $($case:ident,)*;)*) => {
        #[cfg(feature = "ureq")]
        table!(@client ureq_own, Ureq, Own, Plain, $($($room $case,)*)*);
        #[cfg(feature = "ureq")]
        table!(@client ureq_given, Ureq, Given, Plain, $($($room $case,)*)*);
        #[cfg(feature = "ureq")]
        table!(@client ureq_given_tls, Ureq, Given, Tls, $($($room $case,)*)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_own, Hyper, Own, Plain, $($($room $case,)*)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_given, Hyper, Given, Plain, $($($room $case,)*)*);
        #[cfg(feature = "hyper")]
        table!(@client hyper_given_tls, Hyper, Given, Tls, $($($room $case,)*)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_own, Reqwest, Own, Plain, $($($room $case,)*)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_given, Reqwest, Given, Plain, $($($room $case,)*)*);
        #[cfg(feature = "reqwest")]
        table!(@client reqwest_given_tls, Reqwest, Given, Tls, $($($room $case,)*)*);
    };
    (@client $module:ident, $library:ident, $http:ident, $wire:ident, $($room:ident $case:ident,)*) => {
        mod $module {
            use crate::clients::{Http, Library, Setup, Wire};

            $(
                #[test]
                fn $case() {
                    let (library, http, wire) = (Library::$library, Http::$http, Wire::$wire);
                    crate::$room::$case(&Setup { library, http, wire });
                }
            )*
        }
    };
}

table! {
    sending:
        d2_a_url_whose_time_is_over_is_not_asked_for,
        d3_the_target_is_that_of_the_url_byte_for_byte,
        d4_the_request_has_these_headers_and_no_others,
        d5_the_first_request_is_the_download,
        d12_the_escapes_of_an_answer_are_undone_in_the_request,
        d13_a_query_leaves_as_it_is,
        ;
    arriving:
        d1_a_refusal_is_told_by_its_xml_and_leaves_no_file,
        d7_a_checksum_that_matches_verifies_the_file,
        d7_without_a_checksum_the_length_is_checked,
        d7_another_checksum_is_an_error_that_leaves_nothing,
        d8_a_content_coding_is_an_error_that_names_it,
        d9_a_file_of_eleven_mebibytes_arrives_whole_and_piece_by_piece,
        d14_the_bytes_are_not_touched,
        d15_an_early_end_is_incomplete_and_only_the_part_stays,
        an_empty_file_is_a_file,
        a_chunked_file_arrives_whole,
        an_answer_without_an_end_is_an_error,
        ;
    stalling:
        d10_slow_is_not_stalled,
        d10_no_byte_for_the_stall_limit_is_a_stall,
        d10_no_answer_for_the_stall_limit_is_a_time_limit,
        ;
    framing:
        framing_without_an_end_does_not_hold_up_the_limit_of_the_whole,
        ;
    secrets:
        d11_the_secret_part_of_a_url_is_in_no_text,
        ;
    targets:
        a_folder_that_is_not_there_is_told_before_any_request,
        a_file_that_exists_stays_and_nothing_is_asked_for,
        ;
    resuming:
        d6_a_whole_answer_to_a_range_takes_the_place_of_the_part,
        a_cut_is_mended_by_a_range_of_the_same_file,
        a_file_that_has_changed_is_started_over,
        a_range_that_begins_elsewhere_is_started_over,
        a_range_that_is_less_is_continued,
        d8_a_range_in_a_coding_is_an_error_that_names_it,
        t4_a_redirect_is_not_followed,
        without_a_tag_the_file_is_asked_for_from_its_beginning,
        a_broken_connection_is_survived,
        what_a_dropped_download_has_left_is_gone_on_with,
        ;
    renewing:
        d2_an_expired_url_is_renewed_once_by_its_job,
        d2_an_expired_url_without_a_job_is_an_error,
        d2_a_url_that_expires_twice_is_an_error,
        d2_a_url_whose_time_is_over_is_renewed_before_any_request,
        d2_a_job_without_a_new_url_says_why,
        a_poll_for_a_new_url_does_not_hold_up_the_limit_of_the_whole,
        faults_of_every_kind_are_survived,
        ;
    writers:
        a_writer_gets_the_whole_file,
        a_cut_is_gone_on_with_behind_what_was_written,
        a_file_that_has_changed_cannot_be_mended,
        a_writer_that_fails_ends_the_download,
        ;
    addresses:
        the_text_of_a_url_is_judged_before_anything_is_sent,
        ;
}
