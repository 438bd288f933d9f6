//! The typed actions, one a file, named as the service names them, and what they share.

mod asset_type;
mod create_export_compliance_status_list_job;
mod describe_export_job_download_url;
mod describe_export_job_manage_list;
mod describe_export_job_result;
mod member;
mod run_time_filter;

pub use self::{
    asset_type::AssetType,
    create_export_compliance_status_list_job::{
        CreateExportComplianceStatusListJob, CreateExportComplianceStatusListJobResponse,
    },
    describe_export_job_download_url::{
        DescribeExportJobDownloadURL, DescribeExportJobDownloadURLResponse,
    },
    describe_export_job_manage_list::{
        DescribeExportJobManageList, DescribeExportJobManageListResponse, ExportJobInfo,
    },
    describe_export_job_result::{
        DescribeExportJobResult, DescribeExportJobResultResponse, ExportStatus,
    },
    run_time_filter::RunTimeFilter,
};

/// The name of the service in the credential scope of every action here.
const SERVICE: &str = "tcss";
/// The version of the API that every action here belongs to.
const VERSION: &str = "2020-11-01";
