//! Creates another kind of export: any action of the service is a struct and a few constants. The
//! requests go through an HTTP client of your own, here an agent of ureq.
//!
//! Run it with `cargo run --example vul_export`. A test service on a loopback port replaces the
//! real one and checks the signature.

use std::io::Read;

use bytes::Bytes;
use http::{Request, Response};
use serde::Serialize;
use serde_json::json;
use tcss_export::{
    Credentials, Session,
    actions::{Action, CreateExportComplianceStatusListJobResponse},
    driver::{TransportError, blocking::Client, blocking_fn},
    wait::Policy,
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Service};

/// Exports the vulnerabilities of an image. The struct is the body of the request.
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
    // Every action that creates a job answers with its id.
    type Response = CreateExportComplianceStatusListJobResponse;
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder()
        .action(CreateVulExportJob::NAME, |_| json!({ "JobId": "4711" }))
        .start()?;
    let session = Session::new(service.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;

    let client = Client::with_transport(session, credentials, blocking_fn(send));
    let action = CreateVulExportJob { image_id: "sha256:EXAMPLE", export_field: &["CVEID"] };
    println!("created job {}", client.send(&action)?.response.job_id);
    Ok(())
}

fn send(request: Request<Bytes>) -> Result<Response<impl Read>, TransportError> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(Policy::EXCHANGE_LIMIT))
        .build()
        .new_agent();
    let answer = agent.run(request.map(Vec::from)).map_err(ureq::Error::into_io)?;
    Ok(answer.map(ureq::Body::into_reader))
}
