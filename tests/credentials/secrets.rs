//! No text of this module shows a key or a token.

use std::{error::Error, fmt::Debug};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    core::{AddressPolicy, Limits},
    credentials::{AssumeRole, Chain, Source, parse_ini, parse_tccli},
    driver::{Body, TransportError, async_fn},
};

use crate::{ask, chain, files::write, folder::Folder, virtual_machine::VirtualMachine};

const SECRETS: [&str; 3] = ["EXAMPLEKEY", "EXAMPLETOKEN", "EXAMPLEPODTOKEN"];

#[track_caller]
fn assert_clean(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit());
    assert!(!words.any(|word| word.len() >= 64), "a signature in {text}");
}

#[track_caller]
fn assert_debug_clean(value: &impl Debug) {
    assert_clean(&format!("{value:?}"));
    assert_clean(&format!("{value:#?}"));
}

#[track_caller]
fn assert_chain_clean(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_clean(&format!("{error:?} {error:#?} {error}"));
        next = error.source();
    }
}

#[test]
#[should_panic(expected = "EXAMPLETOKEN in")]
fn the_search_finds_a_token() {
    assert_chain_clean(&std::io::Error::other("an EXAMPLETOKEN1 in a text"));
}

#[test]
fn values_that_hold_secrets_do_not_show_them() {
    let machine = VirtualMachine::with_lifetime(7_200);
    let chain = chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new());
    assert_debug_clean(&smol::block_on(chain.find(&machine, false)).unwrap());
    assert_debug_clean(&chain);
    assert!(format!("{chain:?}").contains("InstanceRole"));
    assert_debug_clean(&tcss_export::CredentialSource::from(chain));
    let profile = br#"{"secretId":"AKIDEXAMPLE","secretKey":"EXAMPLEKEY","token":"EXAMPLETOKEN"}"#;
    assert_debug_clean(&parse_tccli(profile).unwrap());
}

#[test]
fn errors_of_files_and_variables_do_not_show_values() {
    for bad in ["EXAMPLEKEY\"", "${EXAMPLEKEY}", "EXAMPLE\rKEY", "EXAMPLEKEY x", "EXAMPLEKEY\u{fc}"]
    {
        for text in [
            format!("[default]\nsecret_id = AKIDEXAMPLE\nsecret_key = {bad}\n"),
            format!("[default]\n{bad}\n"),
            format!("[{bad}\n"),
            format!("[default]\nsecret_key = {bad}\n"),
        ] {
            if let Err(error) = parse_ini(text.as_bytes()) {
                assert_chain_clean(&error);
            }
        }
        for text in [
            format!(r#"{{"secretId":"AKIDEXAMPLE","secretKey":"{bad}"}}"#),
            format!(r#"{{"type":"{bad}"}}"#),
            format!(r#"{{"expiresAt":"{bad}"}}"#),
            format!(r#""{bad}""#),
            format!(r#"{{"secretId":"AKIDEXAMPLE","secretKey":"x"}} {bad}"#),
        ] {
            if let Err(error) = parse_tccli(text.as_bytes()) {
                assert_chain_clean(&error);
            }
        }
        let half = vec![("TENCENTCLOUD_SECRET_KEY", bad)];
        assert_chain_clean(&ask(Source::Environment, half.clone()).unwrap_err());
        let whole = half.into_iter().chain([("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")]).collect();
        let error = ask(Source::Environment, whole).unwrap_err();
        assert_chain_clean(&error);
        assert_chain_clean(&TransportError::from(error));
    }
}

#[test]
fn a_token_in_place_of_its_file_is_not_shown() {
    let variables = vec![
        ("TKE_REGION", "ap-singapore"),
        ("TKE_PROVIDER_ID", "cls-example"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", "EXAMPLEPODTOKEN"),
        ("TKE_ROLE_ARN", "qcs::example"),
    ];
    let error = ask(Source::WebIdentity, variables).unwrap_err();
    assert_chain_clean(&error);
    let text = "identity of a TKE pod: TKE_WEB_IDENTITY_TOKEN_FILE is not an absolute path";
    assert_eq!(error.to_string(), text);
}

// A word of this length may stand in a message.
#[test]
fn an_answer_that_is_not_understood_is_not_shown() {
    const SECRET: &str = "EXAMPLEKEYEXAMPLEKEYEXAMPLEKEY12";
    assert_eq!(SECRET.len(), 32);
    let machine = VirtualMachine::with_lifetime(7_200);
    let chain = chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new());
    let page = "expected JSON, got no content type (HTTP status 200)";
    for (text, problem) in [
        (format!("TmpSecretKey: {SECRET}"), page),
        (format!("<p>{SECRET}</p>"), page),
        (format!(r#"{{"Code":"{SECRET}"}}"#), "the service answered an unknown code"),
        (r#"{"Code":"EXAMPLEKEY-1"}"#.to_owned(), "the service answered an unknown code"),
        (r#"{"Code":"NotFound.Role"}"#.to_owned(), "the service answered NotFound.Role"),
    ] {
        machine.state().text = Some(text);
        let error = smol::block_on(chain.find(&machine, false)).unwrap_err();
        assert_chain_clean(&error);
        assert_eq!(error.tried()[0].to_string(), format!("instance role: {problem}"));
    }
}

/// Sends back the request in every text of an answer.
async fn echo(request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
    assert_eq!(Limits::of(&request).address_policy, AddressPolicy::Any);
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {} ", String::from_utf8_lossy(value.as_bytes())));
    let headers = headers.collect::<String>();
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let text = format!("{body} {headers}");
    let error = serde_json::json!({ "Code": text, "Message": text });
    let answer = serde_json::json!({ "Response": { "Error": error, "RequestId": text } });
    Ok(Response::new(Bytes::from(answer.to_string()).into()))
}

/// Asks a chain whose services send back each request.
fn ask_echo(chain: &Chain) -> tcss_export::credentials::ChainError {
    let transport = async_fn(echo, |_| std::future::pending());
    smol::block_on(chain.find(&transport, false)).unwrap_err()
}

#[test]
fn a_service_that_sends_back_the_request_does_not_reveal_it() {
    let folder = Folder::new();
    let token = folder.at("token");
    // Real tokens are longer than any word of a message.
    write(&token, "EXAMPLEPODTOKEN".repeat(10));
    let variables = vec![
        ("TKE_REGION", "ap-singapore"),
        ("TKE_PROVIDER_ID", "cls-example"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("TKE_ROLE_ARN", "qcs::example"),
    ];
    let error = ask_echo(&chain(vec![Source::WebIdentity], variables));
    assert!(error.to_string().contains("the service answered"), "{error}");
    assert_chain_clean(&error);

    let long_token = "EXAMPLETOKEN".repeat(10);
    let variables = vec![
        ("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE"),
        ("TENCENTCLOUD_SECRET_KEY", "EXAMPLEKEY"),
        ("TENCENTCLOUD_TOKEN", &long_token),
    ];
    let role = AssumeRole::new(Source::Environment, "qcs::example");
    let error = ask_echo(&chain(vec![Source::AssumeRole(role)], variables));
    assert!(error.to_string().contains("the service answered"), "{error}");
    assert_chain_clean(&error);
    assert_debug_clean(&ask_echo(&chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new())));
}

/// Sends back only the token, as a word of the message.
async fn quote_token(request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    let header = request.headers().get("x-tc-token").map(|token| token.to_str().unwrap());
    let token = header.or_else(|| body["WebIdentityToken"].as_str()).unwrap();
    let error = serde_json::json!({ "Code": "AuthFailure.TokenFailure", "Message": token });
    let answer = serde_json::json!({ "Response": { "Error": error, "RequestId": token } });
    Ok(Response::new(Bytes::from(answer.to_string()).into()))
}

#[test]
fn a_service_that_quotes_a_short_token_does_not_reveal_it() {
    let folder = Folder::new();
    write(&folder.at("token"), "EXAMPLEPODTOKEN");
    let token = folder.at("token");
    let variables = vec![
        ("TKE_REGION", "ap-singapore"),
        ("TKE_PROVIDER_ID", "cls-example"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("TKE_ROLE_ARN", "qcs::example"),
        ("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE"),
        ("TENCENTCLOUD_SECRET_KEY", "EXAMPLEKEY"),
        ("TENCENTCLOUD_TOKEN", "EXAMPLETOKEN"),
    ];
    let role = AssumeRole::new(Source::Environment, "qcs::example");
    for source in [Source::WebIdentity, Source::AssumeRole(role)] {
        let transport = async_fn(quote_token, |_| std::future::pending());
        let chain = chain(vec![source], variables.clone());
        let error = smol::block_on(chain.find(&transport, false)).unwrap_err();
        let expected = "AuthFailure.TokenFailure: ... (request id ...)";
        assert!(error.to_string().ends_with(expected), "{error}");
        assert_chain_clean(&error);
    }
}
