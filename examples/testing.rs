//! Tests code that uses the library, with the test service in place of the real one.
//! `cargo test --features ureq --example testing` runs the tests.

use std::{env, path::Path};

use tcss_export::{Credentials, Endpoint, JobId, Session, Source, Target, ureq::Client};

fn main() -> anyhow::Result<()> {
    let key = (env::var("TENCENTCLOUD_SECRET_ID")?, env::var("TENCENTCLOUD_SECRET_KEY")?);
    let client =
        Client::new(Session::new(Endpoint::international()), Credentials::new(key.0, key.1)?);
    println!("{} bytes", save_report(&client, JobId::new("4711")?, Path::new("report.csv"))?);
    Ok(())
}

/// The code to test: saves the file of a job and returns its length.
fn save_report(client: &Client, job: JobId, path: &Path) -> anyhow::Result<u64> {
    let finished = client.wait(job.clone())?;
    let source = Source::new(finished.download_url).of_job(job);
    let target = Target::new(path).replacing();
    Ok(client.download(source, target)?.outcome()?.bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};

    use super::*;

    /// Saves the report of a job that answers by this script.
    fn saved(script: &str, faults: &str, name: &str) -> anyhow::Result<Vec<u8>> {
        let service = Service::builder()
            .script(script.parse()?)
            .file(ServedFile::bytes("report.csv", "id,status\r\n1,PASSED\r\n"))
            .download_faults(faults.parse()?)
            .start()?;
        let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
        let client = Client::new(Session::new(service.url().parse()?), credentials);
        let path = env::temp_dir().join(name);
        save_report(&client, JobId::new("4711")?, &path)?;
        Ok(fs::read(path)?)
    }

    #[test]
    fn a_report_is_complete_although_its_download_breaks_off() {
        let report = saved("HTTP:502,SUCCESS", "CUT:5", "tcss-export-testing.csv");
        assert_eq!(report.unwrap(), b"id,status\r\n1,PASSED\r\n");
    }

    #[test]
    fn a_failed_job_has_the_reason_of_the_service() {
        let error = saved("FAILURE:disk full", "", "tcss-export-none.csv").unwrap_err();
        assert!(error.to_string().contains("disk full"), "{error}");
    }
}
