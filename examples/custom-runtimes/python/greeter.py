"""Functions of the package: each takes the event and returns the response."""

import json


class NobodyError(Exception):
    """Nobody is to be greeted."""


def greet(event):
    """Greets whom the path names, or the message of a queue; a body of bytes comes back as it is."""
    body = event.get("body")
    name = event.get("ids", {}).get("name") or (body.get("name") if isinstance(body, dict) else None) or "world"
    if name == "nobody":
        raise NobodyError("nobody cannot be greeted")
    if event.get("isBase64Encoded"):
        content_type = event["headers"]["content-type"]
        return {"statusCode": 200, "isBase64Encoded": True, "headers": {"content-type": content_type}, "body": body}

    word = event.get("query", {}).get("greeting", "Hello")
    greeting = {"greeting": f"{word}, {name}{event['appParams']['mark']}", "body": body}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(greeting)}
