//! Requests of the official SDKs, recorded with the key of these tests and their clock at
//! [`NOW`](crate::support::NOW): tencentcloud-sdk-nodejs-common 4.1.220 and
//! tencentcloud-sdk-python-common 3.1.162.

use serde_json::{Value, json};
use tcss_export_testkit::{SeenAnswer, Service};

use crate::support::{exchange, service};

/// The parts in which the recorded requests differ.
struct Recorded {
    line: &'static str,
    host: &'static str,
    action: &'static str,
    content_type: &'static str,
    service: &'static str,
    signature: &'static str,
    body: &'static str,
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A POST by the SDK for Node.js, which signs the host without its port.
const NODE: Recorded = Recorded {
    line: "POST /",
    host: "tcss.localhost:8080",
    action: "DescribeExportJobResult",
    content_type: "application/json",
    service: "tcss",
    signature: "028b4736c08401c8f4f37701348715fe9962584b821bd0303b4f3c2e726f1eb5",
    body: r#"{"JobId":"job-1"}"#,
};

/// The same to an address, whose first part the SDK takes for the name of the service.
const NODE_TO_ADDRESS: Recorded = Recorded {
    host: "127.0.0.1:8080",
    service: "127",
    signature: "6a95bc50107f0c96d9b6d0dc799ed4b10403aca653b14c64b06c903850db61ad",
    ..NODE
};

const NODE_GET: Recorded = Recorded {
    line: "GET /?JobId=job-1%20a%26b",
    content_type: FORM,
    signature: "9cc404e455b103dcda13e6465f6ed6e09671f1cfebbec7705cfeb761d5b55777",
    body: "",
    ..NODE
};

const NODE_GET_CREATE: Recorded = Recorded {
    line: "GET /?AssetType=ASSET_HOST&ExportByAsset=true&ExportAll=false&IdList.0=1&IdList.1=2\
           &Filters.0.Name=n&Filters.0.Values.0=v%201&Filters.0.Values.1=w\
           &Filters.0.ExactMatch=true",
    action: "CreateExportComplianceStatusListJob",
    signature: "3d8ca43c04752c22020bc30b81e2b37131931d3707f2f8272e12624ab328b635",
    ..NODE_GET
};

const PYTHON_GET: Recorded = Recorded {
    line: "GET /?JobId=job-1+a%26b",
    host: "127.0.0.1:18080",
    signature: "552b389421b59316624c27ffbfb5472453267b070d9f656d86a970c914b40e00",
    ..NODE_GET
};

const PYTHON_GET_CREATE: Recorded = Recorded {
    line: "GET /?AssetType=ASSET_HOST&ExportByAsset=True&ExportAll=False&IdList.0=1&IdList.1=2\
           &Filters.0.Name=n&Filters.0.Values.0=v+1&Filters.0.Values.1=w\
           &Filters.0.ExactMatch=True",
    action: "CreateExportComplianceStatusListJob",
    signature: "f980e32f283e4017d5a4d2828158849ca1fe7322dc9b35a297e373e19ce504e4",
    ..PYTHON_GET
};

const PYTHON_GET_LIST: Recorded = Recorded {
    line: "GET /?Limit=1&Offset=0&Filters.0.Name=ExportStatus&Filters.0.Values.0=RUNNING",
    action: "DescribeExportJobManageList",
    signature: "13e903a1a175bf4c8ec9b7cab251b2ddbb6c57558302f0daee8145430ee710a9",
    ..PYTHON_GET
};

impl Recorded {
    fn send(&self, service: &Service) -> Value {
        let Self { line, host, action, content_type, .. } = self;
        let text = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nX-TC-Action: {action}\r\n\
             X-TC-Timestamp: 1700000000\r\nX-TC-Version: 2020-11-01\r\n\
             Content-Type: {content_type}\r\nAuthorization: TC3-HMAC-SHA256 \
             Credential=AKIDEXAMPLE/2023-11-14/{}/tc3_request, SignedHeaders=content-type;host, \
             Signature={}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
            self.service,
            self.signature,
            self.body.len(),
            self.body
        );
        let answer = exchange(service.addr(), text.as_bytes());
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        serde_json::from_str::<Value>(body).expect("JSON")["Response"].take()
    }
}

fn running() -> Service {
    service().script("RUNNING".parse().expect("a script")).start().expect("a service")
}

#[track_caller]
fn polled(recorded: &Recorded, job: &str) {
    let service = running();
    assert_eq!(recorded.send(&service)["ExportStatus"], "RUNNING");
    assert_eq!(service.seen()[0].job_id.as_deref(), Some(job));
}

#[test]
fn a_post_that_signs_the_host_without_its_port_is_accepted() {
    polled(&NODE, "job-1");
}

#[test]
fn a_get_has_its_parameters_in_the_query() {
    polled(&NODE_GET, "job-1 a&b");
    polled(&PYTHON_GET, "job-1 a&b");
}

#[test]
fn a_get_creates_a_job_with_lists_and_filters() {
    for recorded in [NODE_GET_CREATE, PYTHON_GET_CREATE] {
        let service = running();
        let answer = recorded.send(&service);
        assert_eq!(answer["JobId"], "00000000-7e57-4000-8000-000000000001", "{answer}");
    }
}

#[test]
fn a_get_lists_jobs_by_a_filter() {
    let service = running();
    PYTHON_GET_CREATE.send(&service);
    assert_eq!(PYTHON_GET_LIST.send(&service)["TotalCount"], 1);
    assert_eq!(service.seen()[1].answer, SeenAnswer::Listed);
}

#[test]
fn a_changed_query_is_refused() {
    let changed = Recorded { line: "GET /?JobId=job-2+a%26b", ..PYTHON_GET };
    assert_eq!(changed.send(&running())["Error"]["Code"], "AuthFailure.SignatureFailure");
}

#[test]
fn the_refusal_of_a_service_from_an_address_says_which_host_to_use() {
    let error = NODE_TO_ADDRESS.send(&running())["Error"].take();
    let message = "expected the service tcss in the scope, not 127; some SDKs take it from the \
        first label of the host: use a name such as tcss.localhost";
    assert_eq!(error, json!({ "Code": "AuthFailure.SignatureFailure", "Message": message }));
}
