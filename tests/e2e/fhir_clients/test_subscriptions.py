"""A client library asks to be told of what happens, and is."""

import asyncio

import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome

from tests.contract.subscriptions.hooks import hooked

WAIT_S = 20


async def test_fhirpy_subscribes(clinic, clients, way):
    client = AsyncFHIRClient(way.base, authorization=way.authorization)
    async with hooked() as hook:
        channel = {"type": "rest-hook", "endpoint": hook.url, "payload": "application/fhir+json"}
        asked = client.resource(
            "Subscription",
            status="requested",
            reason="to know",
            criteria=f"Patient?identifier={clients.system}|created",
            channel=channel,
        )
        await asked.save()
        await asked.refresh()
        assert asked["status"] == "active"
        patient = client.resource("Patient", **{k: v for k, v in clients.patient.items() if k != "resourceType"})
        await patient.save()
        async with asyncio.timeout(WAIT_S):
            while not hook.got:
                await asyncio.sleep(0.01)
        (got,) = hook.got
        assert got.json == patient.serialize()
        asked["status"] = "off"
        await asked.save()
        channel["type"] = "websocket"
        with pytest.raises(OperationOutcome, match="websocket"):
            await client.resource(
                "Subscription", **{**asked.serialize(), "status": "requested", "channel": channel}
            ).save()


async def test_medplum_subscribes(clinic, run_node):
    async with hooked() as hook:
        facts = await run_node("medplum_subscription.mjs", clinic.base, clinic.token, hook=hook.url)
        assert facts["status"] == ["requested", "active", "active"]
        async with asyncio.timeout(WAIT_S):
            while not hook.got:
                await asyncio.sleep(0.01)
        assert [(got.method, got.path) for got in hook.got] == [("PUT", f"/hook/Patient/{facts['id']}")]
