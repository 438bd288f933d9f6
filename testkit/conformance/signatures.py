"""Signs random requests with the official Python SDK of Tencent Cloud.

    pip install tencentcloud-sdk-python-common
    python signatures.py COUNT SEED | cargo run --example signatures

Prints a JSON object a line: what was signed, and the Authorization header that the SDK computed.
"""

import base64
import json
import random
import sys
from unittest import mock

from tencentcloud.common import credential
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
TEXTS = LETTERS + ' "\'\\/<>&{}[]:,%+=?#\n\t\u0001\u007f\u00e9\u5bfc\u51fa\ud7ff\ufffd\U0001f600'
# Lone surrogates: JSON can express them, UTF-8 cannot.
SURROGATES = "\ud800\udbff\udc00\udfff"


def word(rng, alphabet, shortest, longest):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(shortest, longest)))


def parameters(rng, alphabet):
    """Returns random parameters, of the kinds that requests have."""
    values = [
        lambda: word(rng, alphabet, 0, 80),
        lambda: rng.randint(-(2**53), 2**53),
        lambda: rng.choice([True, False, None]),
        lambda: [word(rng, alphabet, 0, 20) for _ in range(rng.randint(0, 3))],
    ]
    return {word(rng, LETTERS, 1, 20): rng.choice(values)() for _ in range(rng.randint(0, 6))}


def sdk_client(rng, secret_id, secret_key):
    """Returns a client for a random service. Token, region and language are sent but not signed."""
    host = rng.choice(["tcss.tencentcloudapi.com", "tcss.intl.tencentcloudapi.com"])
    host = rng.choice([host, word(rng, LETTERS.lower(), 1, 30) + ".example"])
    token = rng.choice([None, word(rng, LETTERS + "+/=", 1, 400)])
    region = rng.choice(["", "ap-guangzhou", word(rng, LETTERS + "-", 1, 20)])
    language = rng.choice(["zh-CN", "en-US"])
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=host), language=language)
    client = AbstractClient(credential.Credential(secret_id, secret_key, token), region, profile)
    client._service = rng.choice(["tcss", "sts", "cvm", word(rng, LETTERS.lower(), 1, 12)])
    client._apiVersion = "2020-11-01"
    return client, host


def unsigned(rng, host):
    """Returns a request without its signature, its parameters and the options of its body."""
    # This SDK writes ASCII JSON; only an octet stream can hold arbitrary bytes.
    match rng.choice(["JSON", "JSON", "octets", "query"]):
        case "JSON":
            return RequestInternal(host, "POST", "/"), parameters(rng, TEXTS + SURROGATES), {}
        case "octets":
            octets = rng.choice([word(rng, TEXTS, 0, 80).encode(), rng.randbytes(80)])
            return RequestInternal(host, "POST", "/", data=octets), {}, {"IsOctetStream": True}
        case "query":
            return RequestInternal(host, "GET", "/"), parameters(rng, TEXTS), {}


def signed(rng):
    """Returns one signed request."""
    secret_id, secret_key = "EXAMPLE" + word(rng, LETTERS, 1, 40), word(rng, LETTERS, 1, 128)
    # From 1970 to the end of 9999.
    timestamp = rng.choice([rng.randint(15 * 10**8, 2 * 10**9), rng.randint(0, 253402300799)])
    client, host = sdk_client(rng, secret_id, secret_key)
    request, values, options = unsigned(rng, host)
    with mock.patch("time.time", lambda: timestamp):
        client._build_req_with_tc3_signature("DescribeExportJobResult", values, request, options)
    is_query = request.method == "GET"
    payload = b"" if is_query else request.data
    payload = payload.encode() if isinstance(payload, str) else payload
    return {
        "secret_id": secret_id,
        "secret_key": secret_key,
        "method": request.method,
        "query": request.data if is_query else "",
        "host": request.header["Host"],
        "content_type": request.header["Content-Type"],
        "service": client._service,
        "timestamp": timestamp,
        "payload_base64": base64.b64encode(payload).decode(),
        "authorization": request.header["Authorization"],
    }


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    for _ in range(count):
        print(json.dumps(signed(rng)))


if __name__ == "__main__":
    main()
