"""Content that an agent chose and a browser asks for: it never runs as a page of this server's."""

import base64
import json

import pytest

EVIL = b"<html><script>fetch('/sandboxes')</script></html>"
RUNS = [
    "text/html",
    "TEXT/HTML; charset=utf-8",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/xml",
    "application/xml",
    "application/atom+xml",
    "multipart/x-mixed-replace; boundary=x",
    "text/xsl",
    "message/rfc822",
    "x-unknown/type",
]
SHOWN = ["text/plain", "image/png", "application/pdf", "application/json", "application/fhir+json"]


def is_harmless(headers, content_type):
    policy = headers["Content-Security-Policy"]
    assert headers.getall("X-Content-Type-Options") == ["nosniff"]
    assert "sandbox" in policy and "default-src 'none'" in policy and "allow-scripts" not in policy
    disposition = headers.get("Content-Disposition", "inline")
    assert disposition.startswith("attachment") == (content_type not in SHOWN), (content_type, disposition)
    return True


async def upload(guard, kind, content_type):
    """Store content with that type on a surface; return the paths it is read at."""
    run = guard.run
    if kind == "binary":
        made = await run.call("POST", "fhir/Binary", body=EVIL, headers={"Content-Type": content_type})
        if made.status == 201 and content_type != "application/fhir+json":
            return [
                f"fhir/Binary/{made.headers['Location'].split('/')[-3]}",
                "fhir/Binary/" + "/".join(made.headers["Location"].split("/")[-3:]),
            ]
        value = {"resourceType": "Binary", "contentType": content_type, "data": base64.b64encode(EVIL).decode()}
        made = await run.call(
            "POST", "fhir/Binary", body=json.dumps(value), headers={"Content-Type": "application/fhir+json"}
        )
        assert made.status == 201, made
        return [f"fhir/Binary/{made.json['id']}"]
    if kind == "file":
        made = await run.call("PUT", "files/outbox/x", body=EVIL, headers={"Content-Type": content_type})
        assert made.status in (200, 201), made
        return ["files/outbox/x"]
    made = await run.call("POST", "portal/prior-auths", json={**guard.prior_auth, "draft": True})
    path = f"portal/prior-auths/{made.json['request_id']}/attachments"
    content = base64.b64encode(EVIL).decode()
    body = {"filename": "a'b\u00e9 .html", "content_base64": content, "content_type": content_type}
    made = await run.call("POST", path, json=body)
    assert made.status == 201, made
    return [f"{path}/{made.json['attachments'][-1]['id']}"]


@pytest.mark.parametrize("kind", ["binary", "file", "attachment"])
async def test_what_an_agent_stored(guard, kit, kind):
    guard.prior_auth = kit.prior_auth
    for content_type in [*RUNS, *SHOWN]:
        for path in await upload(guard, kind, content_type):
            for method in ("GET", "HEAD"):
                if kind == "attachment":
                    answer = await guard.run.call(method, path)
                    assert answer.headers["Content-Disposition"].startswith(
                        "attachment; filename*=UTF-8''a%27b%C3%A9%20.html"
                    )
                    assert is_harmless(answer.headers, "always an attachment")
                    continue
                answer = await guard.run.call(method, path, headers={"Accept": "*/*"})
                assert answer.status == 200, answer
                assert is_harmless(answer.headers, content_type)
                assert answer.body in (EVIL, b"")
    if kind == "file":
        part = await guard.run.call("GET", "files/outbox/x", headers={"Range": "bytes=0-3"})
        assert part.status == 206 and is_harmless(part.headers, SHOWN[-1])


async def test_no_answer_is_sniffed(guard):
    for path in (
        "/readyz",
        "/nowhere",
        f"/v1/benchmark-runs/{guard.run.id}/fhir/Patient/ana",
        "/api/v1/whoami",
        f"/v1/benchmark-runs/{guard.run.id}/hl7/inbox",
        f"/v1/benchmark-runs/{guard.run.id}/nowhere",
    ):
        for token in (guard.run.token, None):
            for headers in ({}, {"Origin": "http://localhost:1"}):
                answer = await guard.live.call("GET", path, token, headers=headers)
                assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"], (path, answer)
    raw = await guard.raw("FLY", "/", "Broken")
    assert raw[0] == 400 and raw[1]["x-content-type-options"] == "nosniff"
