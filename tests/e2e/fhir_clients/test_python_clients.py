"""`fhirpy` (asynchronous and blocking) and `fhirclient` (SMART), as their documentation uses them.

Each with the run token, and with a URL alone.
"""

import pytest
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound


def resource(client, value):
    return client.resource(value["resourceType"], **{k: v for k, v in value.items() if k != "resourceType"})


async def test_fhirpy_asynchronous(clinic, clients, way):
    client = AsyncFHIRClient(way.base, authorization=way.authorization)
    patient = resource(client, clients.patient)
    await patient.save()
    facts = {"created": patient.serialize()}
    read = await client.reference("Patient", patient.id).to_resource()
    facts["read"] = read.serialize()
    found = client.resources("Patient").search(identifier=f"{clients.system}|created")
    facts["found"] = [row.id for row in await found.fetch()]
    assert (await found.get()).id == patient.id
    assert await found.count() == 1
    facts["paged"] = [row.id async for row in client.resources("Observation").limit(clients.page)]
    patient["active"] = True
    await patient.save()
    facts["updated"] = patient.serialize()
    once = client.resources("Patient").search(identifier=f"{clients.system}|conditional")
    made = [await once.get_or_create(resource(client, clients.conditional)) for _ in range(2)]
    assert [is_new for _, is_new in made] == [True, False]
    facts["conditional"] = [row.id for row, _ in made]
    _, is_new = await once.update(resource(client, {**clients.conditional, "active": True}))
    assert not is_new
    with pytest.warns(DeprecationWarning, match="patch"):
        assert (await once.patch(gender="other"))["gender"] == "other"
    await patient.patch(birthDate="1980-03-01")
    facts["patched"] = patient.serialize()
    versions = await patient.execute("_history", method="get")
    facts["history"] = [entry["resource"]["meta"]["versionId"] for entry in versions["entry"]]
    done = await client.execute("", data=clients.transaction)
    facts["transaction"] = [entry["response"]["location"] for entry in done["entry"]]
    assert await patient.is_valid()
    await patient.refresh()
    await patient.delete()
    facts["deleted"] = patient.id
    with pytest.raises(ResourceNotFound):
        await client.reference("Patient", patient.id).to_resource()
    with pytest.raises(OperationOutcome) as refused:
        await client.resources("Patient").search(**{"favourite-colour": "red"}).fetch()
    facts["refused"] = refused.value.resource["issue"][0]["diagnostics"]
    clients.check(clinic, facts)


def test_fhirpy_blocking(clinic, clients, way):
    client = SyncFHIRClient(way.base, authorization=way.authorization)
    patient = resource(client, clients.patient)
    patient.save()
    facts = {"created": patient.serialize(), "read": client.reference("Patient", patient.id).to_resource().serialize()}
    found = client.resources("Patient").search(identifier=f"{clients.system}|created")
    facts["found"] = [row.id for row in found.fetch()]
    facts["paged"] = [row.id for row in client.resources("Observation").limit(clients.page).fetch_all()]
    patient["active"] = True
    patient.save(fields=["active"])
    facts["updated"] = patient.serialize()
    once = client.resources("Patient").search(identifier=f"{clients.system}|conditional")
    facts["conditional"] = [once.get_or_create(resource(client, clients.conditional))[0].id for _ in range(2)]
    patient.patch(birthDate="1980-03-01")
    facts["patched"] = patient.serialize()
    versions = patient.execute("_history", method="get")
    facts["history"] = [entry["resource"]["meta"]["versionId"] for entry in versions["entry"]]
    patient.delete()
    facts["deleted"] = patient.id
    with pytest.raises(OperationOutcome) as refused:
        client.resources("Patient").search(**{"favourite-colour": "red"}).fetch()
    facts["refused"] = refused.value.resource["issue"][0]["diagnostics"]
    clients.check(clinic, facts)


def test_smart_fhirclient(clinic, clients, way):
    from fhirclient.models.bundle import Bundle
    from fhirclient.models.fhirdate import FHIRDate
    from fhirclient.models.observation import Observation
    from fhirclient.models.patient import Patient
    from fhirclient.server import FHIRServer
    from requests import HTTPError

    server = FHIRServer(None, way.base)
    if way.authorization is not None:
        server.session.headers["Authorization"] = way.authorization
    assert server.capabilityStatement.fhirVersion == "4.0.1"
    created = Patient(clients.patient).create(server)
    patient = Patient.read(created["id"], server)
    facts = {"created": created, "read": patient.as_json()}
    found = Patient.where({"identifier": f"{clients.system}|created"})
    facts["found"] = [row.id for row in found.perform_resources_iter(server)]
    pages = Observation.where({"_count": str(clients.page)})
    facts["paged"] = [row.id for row in pages.perform_resources_iter(server)]
    patient.active = True
    facts["updated"] = patient.update(server)
    condition = {"If-None-Exist": f"identifier={clients.system}|conditional"}  # this client has no call of its own
    made = []
    for _ in range(2):
        server.session.headers.update(condition)
        made.append(Patient(clients.conditional).create(server)["id"])
    del server.session.headers["If-None-Exist"]
    facts["conditional"] = made
    patient.birthDate = FHIRDate("1980-03-01")  # nor one to patch
    facts["patched"] = patient.update(server)
    versions = Bundle.read_from(f"Patient/{patient.id}/_history", server)
    facts["history"] = [entry.resource.meta.versionId for entry in versions.entry]
    done = Bundle(clients.transaction).create(server)
    facts["transaction"] = [entry["response"]["location"] for entry in done["entry"]]
    patient.delete(server)
    facts["deleted"] = patient.id
    with pytest.raises(HTTPError) as refused:
        list(Patient.where({"favourite-colour": "red"}).perform_resources_iter(server))
    facts["refused"] = refused.value.response.json()["issue"][0]["diagnostics"]
    clients.check(clinic, facts)
