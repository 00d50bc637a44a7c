"""`fhir-kit-client`, `fhirclient` and `@medplum/core`, each as its own documentation uses it, under Node.js."""

import pytest

pytestmark = pytest.mark.timeout(1200)  # the first test waits for the packages


@pytest.mark.parametrize("script", ["fhir_kit_client.mjs", "fhirclient.mjs", "medplum_core.mjs"])
async def test_npm_client(script, clinic, clients, run_node, way):
    clients.check(clinic, await run_node(script, way.base, way.token))


@pytest.mark.parametrize("script", ["fhir_kit_client_more.mjs", "fhirclient_more.mjs", "medplum_core_more.mjs"])
async def test_the_rest_of_an_npm_client(script, clinic, run_node):
    """What else a user of the client calls; the script stops at the first thing that is not as it should be."""
    facts = await run_node(script, clinic.base, clinic.token)
    assert len(facts["checked"]) >= 15
    assert {e.response["status"] for e in clinic.events() if e.type == "fhir_request"} <= {200, 201, 400, 404, 412, 422}


async def test_smart_backend_service(clinic, run_node):
    """Log in with the sandbox's own client, on the surface that is not a run's."""
    organization = {"Authorization": f"Bearer {clinic.server.api_key}"}
    rows = clinic.call("GET", f"{clinic.server.url}/playgrounds?limit=100", **organization).json["data"]
    [playground] = [row for row in rows if row["task_run_id"] == clinic.task_run_id]
    [sandbox] = playground["sandboxes"]
    held = sandbox["credentials"]
    smart = {"base": held["fhir_base_url"], "id": held["client_id"], "secret": held["client_secret"]}
    facts = await run_node("smart.mjs", clinic.base, clinic.token, smart=smart)
    assert facts == {
        "found": 5,
        "next": 5,
        "unknown": [401, "OperationOutcome"],
        "write": 403,
        "other": 403,
        "included": 403,
    }
