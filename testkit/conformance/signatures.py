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
TEXTS = LETTERS + ' "\\/<>&{}[]:,\n\t\u0001\u007f\u00e9\u5bfc\u51fa\ud7ff\ufffd\U0001f600'


def word(rng, alphabet, shortest, longest):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(shortest, longest)))


def parameters(rng):
    """Returns random parameters, of the kinds that requests have."""
    values = [
        lambda: word(rng, TEXTS, 0, 80),
        lambda: rng.randint(-(2**53), 2**53),
        lambda: rng.choice([True, False, None]),
        lambda: [word(rng, TEXTS, 0, 20) for _ in range(rng.randint(0, 3))],
    ]
    return {word(rng, LETTERS, 1, 20): rng.choice(values)() for _ in range(rng.randint(0, 6))}


def signed(rng):
    """Returns one signed request."""
    secret_id, secret_key = "EXAMPLE" + word(rng, LETTERS, 1, 40), word(rng, LETTERS, 1, 128)
    host = rng.choice(["tcss.tencentcloudapi.com", "tcss.intl.tencentcloudapi.com"])
    host = rng.choice([host, word(rng, LETTERS.lower(), 1, 30) + ".example"])
    service = rng.choice(["tcss", "sts", "cvm", word(rng, LETTERS.lower(), 1, 12)])
    # From 1970 to the end of 9999.
    timestamp = rng.choice([rng.randint(1_500_000_000, 2_000_000_000), rng.randint(0, 253402300799)])
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=host))
    client = AbstractClient(credential.Credential(secret_id, secret_key), "", profile)
    client._service, client._apiVersion = service, "2020-11-01"
    request = RequestInternal(host, "POST", "/")
    with mock.patch("time.time", lambda: timestamp):
        client._build_req_with_tc3_signature("DescribeExportJobResult", parameters(rng), request)
    return {
        "secret_id": secret_id,
        "secret_key": secret_key,
        "host": request.header["Host"],
        "service": service,
        "timestamp": timestamp,
        "payload_base64": base64.b64encode(request.data.encode()).decode(),
        "authorization": request.header["Authorization"],
    }


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    for _ in range(count):
        print(json.dumps(signed(rng)))


if __name__ == "__main__":
    main()
