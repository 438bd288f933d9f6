"""Checks a running service with the official Python SDK of Tencent Cloud.

    pip install tencentcloud-sdk-python-common tencentcloud-sdk-python-tcss
    python python_sdk.py 127.0.0.1:8080 SECRET_ID SECRET_KEY [TOKEN]

The first argument is a port, an address or an http URL. It polls new jobs, so the
service must answer the first poll of a job with a status (RUNNING, SUCCESS, ...), not with a fault;
it must serve a file, and the script must come to SUCCESS within ten polls.
Prints a line a check and a last line with the counts; exits with 1 if a check failed.
"""

import argparse
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from unittest import mock

from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.tcss.v20201101 import models, tcss_client

STALE_SECONDS = 3600


def endpoint_of(text):
    """Returns host and port of a port, an address or a URL."""
    text = text.removeprefix("http://").rstrip("/")
    return f"127.0.0.1:{text}" if text.isdigit() else text


def client(args, secret_id=None, secret_key=None, **settings):
    """Returns an SDK client with the given key, or the right one, and profile settings."""
    secret_id, secret_key = secret_id or args.secret_id, secret_key or args.secret_key
    key = credential.Credential(secret_id, secret_key, args.token)
    http = HttpProfile(protocol="http", endpoint=endpoint_of(args.service), reqTimeout=10)
    profile = ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256")
    for name, value in settings.items():
        setattr(profile, name, value)
    return tcss_client.TcssClient(key, "", profile)


def poll(sdk_client):
    """Polls a new job."""
    request = models.DescribeExportJobResultRequest()
    request.JobId = str(uuid.uuid4())
    return sdk_client.DescribeExportJobResult(request)


def refusal(sdk_client, call=poll):
    """Returns the code and request id of the API error that the call must end in."""
    try:
        call(sdk_client)
    except TencentCloudSDKException as error:
        return error.get_code(), error.get_request_id()
    return "accepted", None


def check_right_key(args):
    answer = poll(client(args))
    assert answer.ExportStatus in ("RUNNING", "SUCCESS", "FAILURE"), answer
    assert isinstance(answer.DownloadURL, str), answer
    assert isinstance(answer.ExportProgress, (int, float)), answer
    assert isinstance(answer.FailureMsg, str), answer
    assert answer.RequestId, answer


def check_unsigned_payload(args):
    answer = poll(client(args, unsignedPayload=True))
    assert answer.RequestId, answer


def check_region_and_language(args):
    sdk_client = client(args)
    sdk_client._region = "ap-guangzhou"
    assert poll(sdk_client).RequestId


def check_request_ids_differ(args):
    assert poll(client(args)).RequestId != poll(client(args)).RequestId


def check_wrong_key(args):
    code, request_id = refusal(client(args, secret_key=args.secret_key + "X"))
    assert code == "AuthFailure.SignatureFailure", code
    assert request_id, "no request id"


def check_unknown_id(args):
    code, request_id = refusal(client(args, secret_id=args.secret_id + "X"))
    assert code == "AuthFailure.SecretIdNotFound", code
    assert request_id, "no request id"


def check_wrong_time(args, seconds):
    real_time = time.time
    with mock.patch("time.time", lambda: real_time() + seconds):
        code, request_id = refusal(client(args))
    assert code == "AuthFailure.SignatureExpire", code
    assert request_id, "no request id"


def check_stale_time(args):
    check_wrong_time(args, -STALE_SECONDS)


def check_future_time(args):
    check_wrong_time(args, STALE_SECONDS)


def check_empty_job_id(args):
    def call(sdk_client):
        request = models.DescribeExportJobResultRequest()
        request.JobId = ""
        sdk_client.DescribeExportJobResult(request)

    code, _ = refusal(client(args), call)
    assert code == "InvalidParameter", code


def check_missing_job_id(args):
    code, _ = refusal(client(args), lambda c: c.call("DescribeExportJobResult", {}))
    assert code == "MissingParameter", code


def check_unknown_parameter(args):
    parameters = {"JobId": "1", "Extra": "1"}
    code, _ = refusal(client(args), lambda c: c.call("DescribeExportJobResult", parameters))
    assert code == "UnknownParameter", code


def check_unknown_action(args):
    code, _ = refusal(client(args), lambda c: c.call("DescribeNothingOfThisKind", {"JobId": "1"}))
    assert code == "InvalidAction", code


def create(sdk_client):
    """Creates a job as the documentation's example does; returns its id."""
    request = models.CreateExportComplianceStatusListJobRequest()
    request.AssetType = "ASSET_CONTAINER"
    request.ExportByAsset = True
    request.ExportAll = False
    request.IdList = []
    return sdk_client.CreateExportComplianceStatusListJob(request).JobId


def check_create(args):
    first, second = create(client(args)), create(client(args))
    assert first and second and first != second, (first, second)


def check_get(args):
    sdk_client = client(args)
    sdk_client.profile.httpProfile.reqMethod = "GET"
    job = create(sdk_client)
    assert poll(sdk_client).RequestId
    request = models.DescribeExportJobManageListRequest()
    request.Limit, request.Order, request.By = 1, "desc", "InsertTime"
    assert sdk_client.DescribeExportJobManageList(request).List[0].JobID == job


def check_create_without_asset_type(args):
    parameters = {"ExportByAsset": True, "ExportAll": True}
    call = lambda c: c.call("CreateExportComplianceStatusListJob", parameters)
    code, _ = refusal(client(args), call)
    assert code == "MissingParameter", code


def check_manage_list(args):
    job = create(client(args))
    request = models.DescribeExportJobManageListRequest()
    request.Limit, request.Offset = 1, 0
    answer = client(args).DescribeExportJobManageList(request)
    assert answer.TotalCount >= 1 and len(answer.List) == 1, answer
    info = answer.List[0]
    assert info.JobID == job, info
    assert isinstance(info.ExportProgress, int), info
    assert info.ExportStatus in ("RUNNING", "SUCCESS", "FAILURE"), info
    assert info.InsertTime, info


def finished_url(sdk_client, job):
    """Polls a job to its end; returns the URL of its file."""
    request = models.DescribeExportJobResultRequest()
    request.JobId = job
    for _ in range(10):
        answer = sdk_client.DescribeExportJobResult(request)
        if answer.ExportStatus == "SUCCESS":
            return answer.DownloadURL
    raise AssertionError("the job has not come to its end")


def check_download(args):
    sdk_client = client(args)
    job = create(sdk_client)
    url = finished_url(sdk_client, job)
    with urllib.request.urlopen(url, timeout=10) as whole:
        body, etag = whole.read(), whole.headers["ETag"]
        assert whole.headers["x-cos-hash-crc64ecma"].isdigit(), whole.headers
    rest = urllib.request.Request(url, headers={"Range": "bytes=3-", "If-Range": etag})
    with urllib.request.urlopen(rest, timeout=10) as part:
        assert part.status == 206, part.status
        assert part.headers["Content-Range"] == f"bytes 3-{len(body) - 1}/{len(body)}"
        assert part.read() == body[3:]


def check_download_url(args):
    sdk_client = client(args)
    job = create(sdk_client)
    finished_url(sdk_client, job)
    request = models.DescribeExportJobDownloadURLRequest()
    request.JobID = job
    url = sdk_client.DescribeExportJobDownloadURL(request).DownloadURL
    with urllib.request.urlopen(url, timeout=10) as whole:
        assert whole.read(), url


def check_head_is_refused(args):
    sdk_client = client(args)
    url = finished_url(sdk_client, create(sdk_client))
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=10)
    except urllib.error.HTTPError as error:
        assert error.code == 403, error
        return
    raise AssertionError("a URL is signed for GET alone")


CHECKS = [
    ("a right key is accepted and every field comes back", check_right_key),
    ("an unsigned payload is accepted", check_unsigned_payload),
    ("a region is no problem", check_region_and_language),
    ("request ids differ", check_request_ids_differ),
    ("a wrong key is AuthFailure.SignatureFailure", check_wrong_key),
    ("an unknown id is AuthFailure.SecretIdNotFound", check_unknown_id),
    ("a stale time is AuthFailure.SignatureExpire", check_stale_time),
    ("a time in the future is AuthFailure.SignatureExpire", check_future_time),
    ("an empty JobId is InvalidParameter", check_empty_job_id),
    ("a missing JobId is MissingParameter", check_missing_job_id),
    ("an unknown parameter is UnknownParameter", check_unknown_parameter),
    ("an unknown action is InvalidAction", check_unknown_action),
    ("jobs are created, each with an id of its own", check_create),
    ("a GET is accepted, with its parameters in the query", check_get),
    ("a job without an asset type is MissingParameter", check_create_without_asset_type),
    ("a created job is listed first, with an integer progress", check_manage_list),
    ("the file of a finished job is there, and so is a part of it", check_download),
    ("a URL can be asked for by JobID", check_download_url),
    ("a URL is signed for GET alone", check_head_is_refused),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("service", help="port, address or http URL")
    parser.add_argument("secret_id")
    parser.add_argument("secret_key")
    parser.add_argument("token", nargs="?")
    args = parser.parse_args()
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    failed = 0
    for name, check in CHECKS:
        try:
            check(args)
            print(f"ok      {name}")
        except Exception as error:  # A check that cannot run has failed.
            failed += 1
            print(f"FAILED  {name}: {type(error).__name__}: {error}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
