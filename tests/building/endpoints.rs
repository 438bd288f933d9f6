//! The endpoint that a request goes to, and which endpoints are refused.

use tcss_export::{
    Endpoint, Session,
    error::{Field, Reason},
};

use crate::{
    assert_refused,
    common::{HOST, SIGNATURE, header, scope, signature},
    sign,
};

#[test]
fn every_spelling_of_a_host_is_sent_and_signed_in_lower_case() {
    for text in [
        "tcss.intl.tencentcloudapi.com",
        "tcss.intl.tencentcloudapi.com/",
        "https://tcss.intl.tencentcloudapi.com/",
        "https://TCSS.Intl.TencentCloudAPI.com/",
        "HTTPS://tcss.intl.tencentcloudapi.com:443/",
    ] {
        let request = sign(Session::new(text.parse().unwrap()));
        assert_eq!(header(&request, "host"), HOST, "{text}");
        assert_eq!(request.uri().to_string(), format!("https://{HOST}/"), "{text}");
        assert_eq!(signature(&request), SIGNATURE, "{text}");
    }
}

/// One test for each reason to refuse an endpoint.
macro_rules! refuses {
    ($($name:ident: $reason:ident, $texts:expr;)*) => {$(
        #[test]
        fn $name() {
            for text in $texts {
                let result = text.parse::<Endpoint>();
                assert!(result.is_err(), "{text:?} was accepted as {result:?}");
                assert_refused(result, Field::Endpoint, Reason::$reason);
            }
        }
    )*};
}

refuses! {
    empty_text_is_refused: Empty, ["", "/", "https://", "https:///"];
    path_is_refused: Path, ["h.example/a", "https://h.example/a/", "h.example//", "h.example\\a"];
    query_is_refused: Query, ["h.example?a=1", "https://h.example/?", "?"];
    fragment_is_refused: Fragment, ["h.example#a", "https://h.example/#", "#"];
    user_part_is_refused: UserInfo, ["user@h.example", "https://user:EXAMPLE@h.example"];
    white_space_is_refused: WhiteSpace,
        [" h.example", "h.example\n", "h .example", "h.example\r\nX-Evil: 1", "h\0", "\u{3000}"];
    bad_port_is_refused: Port,
        ["h:", "h:0", "h:65536", "h:99999", "h:-1", "h:+80", "h:8x", "h:٣", "::1", "h:1:2"];
    bad_host_is_refused: Host,
        ["h..example", ".example", "h.example.", "-h.example", "h-.example", ":443", "[::1",
         "[]", "[::1]x", "[::g]", "1.2.3", "256.1.1.1", "1.2.3.4.5", "导出.example",
         "h,example", "h;example", "h%41", "a'b", "h*"];
    plain_http_to_another_machine_is_refused: Scheme,
        ["http://h.example", "http://10.0.0.1", "http://localhost.example",
         "http://127.0.0.1.example", "http://[::2]", "http://0.0.0.0"];
    other_scheme_is_refused: Scheme, ["ftp://h.example", "ws://localhost", "://h.example"];
}

#[test]
fn a_host_label_of_64_characters_is_refused() {
    let text = format!("{}.example", "a".repeat(64));
    assert_refused(text.parse::<Endpoint>(), Field::Endpoint, Reason::Host);
}

#[test]
fn a_host_name_of_254_characters_is_refused() {
    let text = ["a"; 127].join(".") + ".a";
    assert_eq!(text.len(), 255);
    assert_refused(text.parse::<Endpoint>(), Field::Endpoint, Reason::Host);
    assert!(text[2..].parse::<Endpoint>().is_ok());
}

#[test]
fn plain_http_to_a_loopback_address_is_accepted() {
    for text in
        ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "http://127.9.9.9"]
    {
        let endpoint: Endpoint = text.parse().unwrap();
        assert!(endpoint.is_loopback());
        assert_eq!(endpoint.to_string(), text);
    }
}

#[test]
fn the_scope_names_the_service_of_the_action_and_not_of_the_host() {
    for text in ["gw.example:8443", "10.0.0.9", "cvm.tencentcloudapi.com", "http://[::1]:1"] {
        let request = sign(Session::new(text.parse().unwrap()));
        assert_eq!(scope(&request), "2023-11-14/tcss/tc3_request", "{text}");
    }
}

#[test]
fn requests_to_both_sites_differ_only_in_the_host() {
    let [intl, mainland] =
        [Endpoint::international(), Endpoint::mainland()].map(|site| sign(Session::new(site)));
    assert_eq!(header(&mainland, "host"), "tcss.tencentcloudapi.com");
    assert_eq!(intl.body(), mainland.body());
    for name in ["content-type", "x-tc-action", "x-tc-version", "x-tc-timestamp"] {
        assert_eq!(header(&intl, name), header(&mainland, name), "{name}");
    }
}

#[test]
fn a_regional_endpoint_has_the_region_in_its_host() {
    let endpoint = Endpoint::regional("ap-singapore").unwrap();
    assert_eq!(endpoint.host(), "tcss.ap-singapore.tencentcloudapi.com");
}

#[test]
fn a_regional_endpoint_with_a_bad_region_is_refused() {
    assert_refused(Endpoint::regional(""), Field::Region, Reason::Empty);
    for region in ["ap/x", "a.example#", "ap singapore", "ap.intl", "@h"] {
        assert_refused(Endpoint::regional(region), Field::Region, Reason::InvalidCharacter);
    }
}
