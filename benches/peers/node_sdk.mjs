// Repeats the signature of `src/main.rs` with the official Node.js SDK, by the same lines.
//
//     npm install tencentcloud-sdk-nodejs-common
//     node node_sdk.mjs
//
// Builds no request alone: the function that builds it also sends it.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// A package is found from the current folder, where it is installed.
const require = createRequire(process.cwd() + "/");
const { default: Sign } = require("tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js");

function signature(timestamp) {
  return Sign.sign3({
    method: "POST",
    url: "https://tcss.intl.tencentcloudapi.com/",
    payload: { JobId: "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10" },
    timestamp,
    service: "tcss",
    secretId: "AKIDEXAMPLEOFTHEPEERS",
    secretKey: "EXAMPLEKEYOFTHEPEERS",
    headers: { "Content-Type": "application/json; charset=utf-8" },
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "check") {
    console.log(`node: ${signature(1_699_979_400).split("Signature=")[1]}\nend`);
    continue;
  }
  const count = Number(line.split(" ").at(-1));
  const began = process.hrtime.bigint();
  for (let i = 0; i < count; i++) signature(Math.floor(Date.now() / 1000));
  console.log(Number(process.hrtime.bigint() - began) / count);
}
