// Checks a running service with the official Node.js SDK of Tencent Cloud.
//
//     npm install tencentcloud-sdk-nodejs
//     node node_sdk.mjs http://127.0.0.1:8080 SECRET_ID SECRET_KEY FILE
//
// The service must serve FILE. Its script must begin with RUNNING and reach SUCCESS within ten polls.
// Prints one line per check, then the counts; exits with 1 if a check failed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { createRequire } from "node:module";

// A package is found from the current folder, where it is installed.
const require = createRequire(process.cwd() + "/");
const { Client } = require("tencentcloud-sdk-nodejs/tencentcloud/services/tcss").tcss.v20201101;

const STALE_SECONDS = 3600;
const ODD_TEXT = "导出 é \"\\ \u0001 \u{1f600} \ud800";
const [service, secretId, secretKey, path] = process.argv.slice(2);
const { hostname, port } = new URL(service);

// The SDK takes the name of the service from the host, and signs the host without a port.
const agent = new Agent({ host: hostname, port });
const httpProfile = { protocol: "http://", endpoint: "tcss.localhost", reqTimeout: 10, agent };

function client(key = {}, region = "") {
  const credential = { secretId, secretKey, ...key };
  return new Client({ credential, region, profile: { httpProfile } });
}

function create(sdkClient = client()) {
  return sdkClient.CreateExportComplianceStatusListJob({
    AssetType: "ASSET_CONTAINER",
    ExportByAsset: true,
    ExportAll: false,
    IdList: [],
  });
}

// Polls a job to its end; returns the answers.
async function answers(JobId) {
  const all = [];
  while (all.at(-1)?.ExportStatus !== "SUCCESS") {
    assert(all.length < 10, "the job has not come to its end");
    all.push(await client().DescribeExportJobResult({ JobId }));
  }
  return all;
}

async function download(url) {
  const response = await fetch(url);
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

// Expects the call to fail with this error code.
async function refused(code, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.code, code, error.message);
    assert(error.requestId, "no request id");
    return true;
  });
}

// Runs a call while the clock of the SDK is wrong by some seconds.
async function atWrongTime(seconds, call) {
  const { getTime } = Date.prototype;
  Date.prototype.getTime = function () {
    return getTime.call(this) + seconds * 1000;
  };
  try {
    await call();
  } finally {
    Date.prototype.getTime = getTime;
  }
}

const poll = (sdkClient, parameters = { JobId: "any" }) =>
  sdkClient.request("DescribeExportJobResult", parameters);

const checks = {
  async "a job is followed from its creation to its file"() {
    const { JobId } = await create();
    const all = await answers(JobId);
    assert.equal(all[0].ExportStatus, "RUNNING");
    for (const answer of all) {
      assert.equal(typeof answer.ExportProgress, "number");
      assert.equal(typeof answer.FailureMsg, "string");
      assert(answer.RequestId);
    }
    assert((await download(all.at(-1).DownloadURL)).equals(readFileSync(path)), "other bytes");
  },
  async "a URL can be asked for by JobID"() {
    const { JobId } = await create();
    await answers(JobId);
    const { DownloadURL } = await client().DescribeExportJobDownloadURL({ JobID: JobId });
    assert((await download(DownloadURL)).equals(readFileSync(path)), "other bytes");
  },
  async "a created job is listed first, with an integer progress"() {
    const { JobId } = await create();
    const answer = await client().DescribeExportJobManageList({ Limit: 1, Offset: 0 });
    assert(answer.TotalCount >= 1);
    assert.deepEqual(answer.List.map((job) => job.JobID), [JobId]);
    assert(Number.isInteger(answer.List[0].ExportProgress));
  },
  async "odd text is signed as it is sent"() {
    assert((await poll(client(), { JobId: ODD_TEXT })).RequestId);
  },
  async "a region and a language are accepted"() {
    const sdkClient = client({}, "ap-guangzhou");
    sdkClient.profile.language = "en-US";
    assert((await poll(sdkClient)).RequestId);
  },
  "a wrong key is AuthFailure.SignatureFailure": () =>
    refused("AuthFailure.SignatureFailure", () => poll(client({ secretKey: secretKey + "X" }))),
  "an unknown id is AuthFailure.SecretIdNotFound": () =>
    refused("AuthFailure.SecretIdNotFound", () => poll(client({ secretId: secretId + "X" }))),
  "a stale time is AuthFailure.SignatureExpire": () =>
    atWrongTime(-STALE_SECONDS, () => refused("AuthFailure.SignatureExpire", () => poll(client()))),
  "a time in the future is AuthFailure.SignatureExpire": () =>
    atWrongTime(STALE_SECONDS, () => refused("AuthFailure.SignatureExpire", () => poll(client()))),
  "an empty JobId is InvalidParameter": () =>
    refused("InvalidParameter", () => poll(client(), { JobId: "" })),
  "a missing JobId is MissingParameter": () =>
    refused("MissingParameter", () => poll(client(), {})),
  "an unknown parameter is UnknownParameter": () =>
    refused("UnknownParameter", () => poll(client(), { JobId: "1", Extra: "1" })),
  "an unknown action is InvalidAction": () =>
    refused("InvalidAction", () => client().request("DescribeNothingOfThisKind", { JobId: "1" })),
  "a job without an asset type is MissingParameter": () =>
    refused("MissingParameter", () =>
      client().CreateExportComplianceStatusListJob({ ExportByAsset: true, ExportAll: true })),
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error}`);
  }
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
