// Signs requests with the official Node.js SDK of Tencent Cloud.
//
//     npm install tencentcloud-sdk-nodejs-common
//     node signatures.mjs <requests.jsonl >signed.jsonl
//
// Reads the output of signatures.py and prints the same objects with the Authorization header that
// this SDK computes. It signs for the host without a port, so requests for other ports are left out
// of the random ones.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// A package is found from the current folder, where it is installed.
const require = createRequire(process.cwd() + "/");
const { default: Sign } = require("tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js");

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const payload = Buffer.from(request.payload_base64, "base64");
  const authorization = Sign.sign3({
    method: request.method,
    url: `https://${request.host}/?${request.query}`,
    payload,
    timestamp: request.timestamp,
    service: request.service,
    secretId: request.secret_id,
    secretKey: request.secret_key,
    headers: { "Content-Type": request.content_type },
  });
  console.log(JSON.stringify({ ...request, authorization }));
}
