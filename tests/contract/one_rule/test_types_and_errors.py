"""File types, errors and secrets, over HTTP: each told alike, whatever surface tells it."""

import base64

import pytest
from multidict import CIMultiDict

from sandbox.keys import PREFIXES
from sandbox.logs import without_secrets

UNTOLD = b"just text"  # first bytes that tell no type


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.hl7", "x-application/hl7-v2+er7"),
        ("a.edi", "application/edi-x12"),
        ("a.log", "text/plain"),
        ("a.md", "text/markdown"),
        ("a.webp", "image/webp"),
        ("a.yaml", "application/yaml"),
        ("README", "application/octet-stream"),
    ],
)
async def test_a_name_stands_for_one_type_in_the_file_drop_and_in_a_task_run(live, run_path, name, kind):
    run = await live.started()
    await run.call("PUT", f"files/outbox/{name}", body=UNTOLD)
    assert (await run.call("GET", f"files/outbox/{name}")).headers["Content-Type"] == kind
    sent = {"task_input": {}, "task_files": [{"filename": name, "content": base64.b64encode(UNTOLD).decode()}]}
    done = await live.post(run_path, json=sent)
    assert done["files"][0]["content_type"] == kind


@pytest.mark.parametrize("path", ["fhir/Patient/ana", "files/inbox", "portal/patients", "hl7/inbox"])
async def test_a_stranger_is_asked_for_a_token_in_the_same_words(live, path):
    run = await live.started()
    answer = await live.call("GET", f"/v1/benchmark-runs/{run.id}/{path}")
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="sandbox"')


async def test_no_kind_of_key_is_logged(live, kit, project):
    """The keys that are made have the prefixes that the log leaves out, each of them."""
    client = await live.post(f"{project}/oauth_client", json={"name": "c"})
    key = await live.post(f"{project}/api_key", json={"name": "k"})
    run = await live.started()
    credentials = {s["type"]: s["credentials"] for s in run.value["sandboxes"]}
    own = [credentials["Fhir"]["client_secret"], credentials["Payer"]["password"]]
    texts = [text for made in (client, key) for text in made.values() if isinstance(text, str)]
    secrets = [text for text in (*texts, *own, run.token, kit.api_key, kit.solver_key) if text.startswith(PREFIXES)]
    assert len({secret[:5] for secret in secrets}) == 7
    for secret in secrets:
        assert secret not in without_secrets(f"/v1/task-runs/{secret}/fhir")


@pytest.mark.parametrize(
    ("lines", "is_html"),
    [
        (["application/json;q=0.1", "text/html"], True),
        (['text/plain; a="b,text/html"', "application/json"], False),
        (['text/html; a="x;q=0"', "application/json;q=0.5"], True),
        (["text/html; q=x", "application/json;q=0.5"], True),
    ],
)
async def test_the_front_door_reads_accept_as_every_surface(live, lines, is_html):
    headers = CIMultiDict([("Accept", line) for line in lines])
    async with live.http.get(live.url, headers=headers) as answer:
        kind = answer.headers["Content-Type"]
    assert kind.startswith("text/html" if is_html else "application/json")
