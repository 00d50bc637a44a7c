"""`fhir-kit-client`, `fhirclient` and `@medplum/core`, each as its own documentation uses it, under Node.js."""

import pytest

pytestmark = pytest.mark.timeout(1200)  # the first test waits for the packages


@pytest.mark.parametrize("script", ["fhir_kit_client.mjs", "fhirclient.mjs", "medplum_core.mjs"])
async def test_npm_client(script, clinic, clients, run_node):
    clients.check(clinic, await run_node(script, clinic.base, clinic.token))
