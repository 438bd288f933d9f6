//! Starts another export of the service: any action is a struct and a few constants.
//!
//! `cargo run --example vul_export`; a server on a loopback port stands in for the real one.

use serde::Serialize;
use tcss_export::{
    Credentials, Session,
    actions::{Action, CreateExportComplianceStatusListJobResponse},
    core::read_answer,
    driver::clock,
};
use tcss_export_testkit::{
    EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY,
    wire::{WireAnswer, WireServer},
};

/// Exports the vulnerabilities of an image; the struct is the body of the request.
#[derive(Serialize)]
struct CreateVulExportJob {
    #[serde(rename = "ImageID")]
    image_id: &'static str,
    #[serde(rename = "ExportField")]
    export_field: &'static [&'static str],
}

impl Action for CreateVulExportJob {
    const SERVICE: &'static str = "tcss";
    const VERSION: &'static str = "2020-11-01";
    const NAME: &'static str = "CreateVulExportJob";
    // Every creating action answers with the id of its job.
    type Response = CreateExportComplianceStatusListJobResponse;
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = WireServer::plain([WireAnswer::json(
        r#"{"Response":{"JobId":"4711","RequestId":"EXAMPLE-REQUEST"}}"#,
    )])?;
    let mut session = Session::new(server.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;

    // With a client of the features `ureq` or `hyper` the rest is `client.send(&action)`.
    let action = CreateVulExportJob { image_id: "sha256:EXAMPLE", export_field: &["CVEID"] };
    let request = session.request(&action, &credentials, clock::now().wall)?;
    let answer = read_answer::<CreateVulExportJob>(&send(request)?)?;
    println!("job {} has been started", answer.response.job_id);
    Ok(())
}

fn send(request: http::Request<bytes::Bytes>) -> Result<http::Response<Vec<u8>>, ureq::Error> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(tcss_export::wait::Policy::EXCHANGE_LIMIT))
        .build()
        .new_agent();
    let (head, mut body) = agent.run(request.map(Vec::from))?.into_parts();
    Ok(http::Response::from_parts(head, body.read_to_vec()?))
}
