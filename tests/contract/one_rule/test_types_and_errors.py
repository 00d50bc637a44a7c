"""File types, errors and secrets, over HTTP: each told alike, whatever surface tells it."""

import base64

import pytest

from sandbox.keys import PREFIXES
from sandbox.logs import without_secrets

ROOT = "/api/v1/org/00000000-0000-4000-8000-000000000001"
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
async def test_a_name_stands_for_one_type_in_the_file_drop_and_in_a_task_run(live, name, kind):
    run = await live.started()
    await run.call("PUT", f"files/outbox/{name}", body=UNTOLD)
    assert (await run.call("GET", f"files/outbox/{name}")).headers["Content-Type"] == kind
    project = (await live.get(f"{ROOT}/project"))["results"][0]["id"]
    models = await live.get(f"{ROOT}/project/{project}/model")
    rows = models if isinstance(models, list) else models["results"]
    task = {
        "name": "read",
        "enabled": True,
        "system_prompt": "Read.",
        "user_prompt": "Read the file.",
        "llm_model_id": next(row["id"] for row in rows if row["name"] == "sandbox-extract"),
        "output_format": {"greeting": "str"},
        "file_input_mode": "any",
    }
    made = await live.post(f"{ROOT}/project/{project}/task", json=task)
    sent = {"task_input": {}, "task_files": [{"filename": name, "content": base64.b64encode(UNTOLD).decode()}]}
    done = await live.post(f"{ROOT}/project/{project}/task/{made['id']}/run", json=sent)
    assert done["files"][0]["content_type"] == kind


@pytest.mark.parametrize("path", ["fhir/Patient/ana", "files/inbox", "portal/patients", "hl7/inbox"])
async def test_a_stranger_is_asked_for_a_token_in_the_same_words(live, path):
    run = await live.started()
    answer = await live.call("GET", f"/v1/benchmark-runs/{run.id}/{path}")
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="sandbox"')


async def test_no_kind_of_key_is_logged(live, kit):
    """The keys that are made have the prefixes that the log leaves out, each of them."""
    project = (await live.get(f"{ROOT}/project"))["results"][0]["id"]
    client = await live.post(f"{ROOT}/project/{project}/oauth_client", json={"name": "c"})
    key = await live.post(f"{ROOT}/project/{project}/api_key", json={"name": "k"})
    run = await live.started()
    smart = next(s for s in run.value["sandboxes"] if s["type"] == "Fhir")["credentials"]["client_secret"]
    texts = [text for made in (client, key) for text in made.values() if isinstance(text, str)]
    secrets = [text for text in (*texts, smart, run.token, kit.api_key, kit.solver_key) if text.startswith(PREFIXES)]
    assert len({secret[:5] for secret in secrets}) == 6
    for secret in secrets:
        assert secret not in without_secrets(f"/v1/task-runs/{secret}/fhir")
