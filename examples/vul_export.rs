//! Sends another action of the service: any action is a struct and a few constants.
//! `cargo run --features ureq --example vul_export` runs it against a test service.

use serde::Serialize;
use serde_json::json;
use tcss_export::{
    Credentials, Session,
    actions::{Action, CreateExportComplianceStatusListJobResponse},
    ureq::Client,
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

fn main() -> anyhow::Result<()> {
    let service = Service::builder()
        .action(CreateVulExportJob::NAME, |_| json!({ "JobId": "4711" }))
        .start()?;
    let session = Session::new(service.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let client = Client::new(session, credentials);

    let action = CreateVulExportJob { image_id: "sha256:EXAMPLE", export_field: &["CVEID"] };
    println!("created job {}", client.send(&action)?.response.job_id);
    Ok(())
}
