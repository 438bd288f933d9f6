//! The typed actions, one a file, named as the service names them.

mod describe_export_job_result;

pub use self::describe_export_job_result::{
    DescribeExportJobResult, DescribeExportJobResultResponse, ExportStatus,
};

/// The name of the service in the credential scope of every action here.
const SERVICE: &str = "tcss";
/// The version of the API that every action here belongs to.
const VERSION: &str = "2020-11-01";
