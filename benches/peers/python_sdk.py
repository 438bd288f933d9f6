"""Repeats the work of `src/main.rs` with the official Python SDK, by the same lines.

    pip install tencentcloud-sdk-python-common tencentcloud-sdk-python-tcss
    python python_sdk.py
"""

import logging
import sys
import time
from datetime import datetime, timezone
from unittest import mock

import requests
from tencentcloud.common import credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.tcss.v20201101 import models, tcss_client

HOST = "tcss.intl.tencentcloudapi.com"
KEY = "EXAMPLEKEYOFTHEPEERS"
JOB = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"
PAYLOAD = '{"JobId":"%s"}' % JOB
RUNNING = (
    '{"Response":{"ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"",'
    '"RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}'
)
TIME = 1_699_979_400

logging.disable(logging.CRITICAL)
profile = ClientProfile(httpProfile=HttpProfile(endpoint=HOST))
client = tcss_client.TcssClient(
    credential.Credential("AKIDEXAMPLEOFTHEPEERS", KEY), "", profile
)
prepared = RequestInternal(HOST, "POST", "/", data=PAYLOAD)
prepared.header = {"Content-Type": "application/json; charset=utf-8", "Host": HOST}
poll = models.DescribeExportJobResultRequest()
poll.JobId = JOB


def signature():
    now = int(time.time())
    prepared.header["X-TC-Timestamp"] = str(now)
    date = datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%d")
    return client._get_tc3_signature({}, prepared, date, "tcss", KEY)


def request():
    built = RequestInternal(HOST, "POST", "/")
    client._build_req_with_tc3_signature("DescribeExportJobResult", {"JobId": JOB}, built)
    return built


def request_and_answer():
    return client.DescribeExportJobResult(poll)


# The whole call, except for the connection.
answer = requests.Response()
answer.status_code, answer._content = 200, RUNNING.encode()
answer.headers["Content-Type"] = "application/json"
client.request.send_request = lambda _: answer
WORKS = {
    "python/signature": signature,
    "python/request": request,
    "python/request and answer": request_and_answer,
}


def nanoseconds(work, count):
    began = time.perf_counter_ns()
    for _ in range(count):
        work()
    return (time.perf_counter_ns() - began) / count


for line in sys.stdin:
    name, _, count = line.strip().rpartition(" ")
    if count == "check":
        with mock.patch("time.time", lambda: TIME):
            print(f"python: {signature()}\nend", flush=True)
    else:
        print(nanoseconds(WORKS[name], int(count)), flush=True)
