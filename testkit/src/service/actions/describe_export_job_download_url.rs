use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::service::fault::Fault;

/// Reads the parameters of a call. This action spells its parameter another way than
/// DescribeExportJobResult.
pub(super) fn job_id(body: &[u8]) -> Result<String, Fault> {
    let mut parameters = Parameters::read(body)?;
    let job_id = parameters.text("JobID")?;
    parameters.end()?;
    Ok(job_id)
}

/// Returns the members of a good answer.
pub(in crate::service) fn download_url(url: &str) -> Value {
    json!({ "DownloadURL": url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_is_taken_as_it_is() {
        assert_eq!(job_id(br#"{"JobID":"job-1"}"#), Ok("job-1".to_owned()));
    }

    #[test]
    fn the_spelling_of_the_other_actions_misses_a_parameter() {
        let fault = job_id(br#"{"JobId":"job-1"}"#).expect_err("the other spelling");
        assert_eq!(fault.code, "MissingParameter");
    }
}
