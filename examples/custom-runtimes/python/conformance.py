"""Does what the checks of `fullcode conformance` ask for."""

import json
import os
import time
from http.client import HTTPConnection


def conformance(event):
    asked = event.get("body")
    asked = asked if isinstance(asked, dict) else {}
    action = asked.get("conformance")
    if action == "describe":
        return json_response({"conformance": ["echo", "binary", "fail", "sleep", "parallel", "twice"]})
    if action == "echo":
        return json_response(asked["payload"])
    if action == "binary":
        headers = {"content-type": "application/octet-stream"}
        return {"statusCode": 200, "isBase64Encoded": True, "headers": headers, "body": asked["base64"]}
    if action == "fail":
        raise type(asked["errorType"], (Exception,), {})(asked["errorMessage"])
    if action == "sleep":
        time.sleep(asked["ms"] / 1000)
    if action == "twice":
        answer(event["appInfo"]["requestId"], "first")
    return json_response({})


def json_response(value):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(value)}


def answer(request_id, text):
    connection = HTTPConnection(os.environ["RUNTIME_API_ADDR"])
    connection.request("POST", f"/v1/runtime/invocation/response/{request_id}", text)
    connection.getresponse().read()
    connection.close()
