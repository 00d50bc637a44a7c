"""What else users of the Python clients call: searches as they are built there, references, conditions, batches."""

import pytest
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound


def made(client, value):
    return client.resource(value["resourceType"], **{k: v for k, v in value.items() if k != "resourceType"})


@pytest.fixture
def fhirpy(clinic):
    return AsyncFHIRClient(clinic.base, authorization=f"Bearer {clinic.token}")


@pytest.fixture
async def weighed(fhirpy, clients):
    """A patient and three weights of theirs."""
    patient = made(fhirpy, clients.patient)
    await patient.save()
    for value in (70, 71, 72):
        await fhirpy.resource(
            "Observation",
            status="final",
            code={"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
            subject=patient.to_reference(),
            valueQuantity={"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
        ).save()
    return patient


def values(rows):
    return [row["valueQuantity"]["value"] for row in rows]


async def test_fhirpy_builds_searches(fhirpy, weighed):
    weights = fhirpy.resources("Observation").search(patient=weighed.to_reference())
    assert sorted(values(await weights.fetch())) == [70, 71, 72]
    assert values(await weights.sort("-value-quantity").fetch_all()) == [72, 71, 70]
    assert values(await weights.sort("value-quantity").limit(2).fetch()) == [70, 71]
    assert values(await weights.search(value_quantity__gt=70, value_quantity__lt=72).fetch()) == [71]
    assert (await weights.sort("value-quantity").first())["valueQuantity"]["value"] == 70
    assert await weights.count() == 3
    pages = [row async for row in weights.limit(2)]
    assert len({row.id for row in pages}) == len(pages) == 3
    assert len(await weights.limit(1).fetch_all()) == 3
    chained = fhirpy.resources("Observation").search(patient__Patient__name="angstrom", code="29463-7")
    assert await chained.count() == 3
    assert await fhirpy.resources("Patient").search(name__exact="Ångström").count() == 1
    assert await fhirpy.resources("Patient").search(gender__not="female", name="angstrom").count() == 0
    with pytest.raises(MultipleResourcesFound):
        await weights.get(id=None)


async def test_fhirpy_includes_and_reverses(fhirpy, weighed):
    weights = fhirpy.resources("Observation").search(patient=weighed.id)
    bundle = await weights.include("Observation", "subject").fetch_raw()
    assert sorted(entry["search"]["mode"] for entry in bundle["entry"]) == ["include", "match", "match", "match"]
    patients = fhirpy.resources("Patient").search(_id=weighed.id)
    bundle = await patients.revinclude("Observation", "patient").fetch_raw()
    assert len(bundle["entry"]) == 4
    owners = fhirpy.resources("Patient").has("Observation", "patient", code="29463-7", value_quantity__ge=72)
    found = await fhirpy.resources("Patient").has("Observation", "patient", value_quantity__ge=72).fetch()
    assert weighed.id in {row.id for row in found}
    assert await owners.count() >= 1
    rows = await patients.elements("name", "gender").fetch()
    assert set(rows[0].serialize()) == {"resourceType", "id", "meta", "name", "gender"}


async def test_fhirpy_goes_where_references_lead(fhirpy, weighed):
    weight = await fhirpy.resources("Observation").search(patient=weighed.id).first()
    assert (await weight["subject"].to_resource())["birthDate"] == "1980-02-29"
    assert (await fhirpy.get("Patient", weighed.id)).id == weighed.id
    assert (await fhirpy.get(f"Patient/{weighed.id}")).id == weighed.id
    everything = await weighed.execute("$everything", method="get")
    assert len(everything["entry"]) >= 4
    last = await fhirpy.execute(
        "Observation/$lastn", method="get", params={"patient": f"Patient/{weighed.id}", "code": "29463-7"}
    )
    assert last["total"] == 1
    with pytest.raises(ResourceNotFound):
        await fhirpy.get("Patient", "nobody")


async def test_fhirpy_writes_under_conditions(fhirpy, weighed, clients):
    once = fhirpy.resources("Patient").search(identifier=f"{clients.system}|created")
    changed, is_new = await once.update(made(fhirpy, {**clients.patient, "active": True}))
    assert (changed.id, is_new) == (weighed.id, False)
    await fhirpy.patch(f"Patient/{weighed.id}", active=False)
    assert (await fhirpy.get("Patient", weighed.id))["active"] is False
    invalid = fhirpy.resource("Patient", gender="F")
    assert await invalid.is_valid() is False
    with pytest.raises(OperationOutcome) as refused:
        await invalid.save()
    assert refused.value.resource["issue"][0]["expression"] == ["Patient.gender"]
    batch = fhirpy.resource(
        "Bundle",
        type="batch",
        entry=[{"request": {"method": "GET", "url": f"Patient/{i}"}} for i in (weighed.id, "no")],
    )
    answer = await fhirpy.execute("", data=batch.serialize())
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["200", "404"]
    deletion = fhirpy.resources("Observation").search(patient=weighed.id, code="29463-7")
    await deletion.delete()
    assert await deletion.count() == 0


def test_fhirpy_blocking(clinic, clients):
    client = SyncFHIRClient(clinic.base, authorization=f"Bearer {clinic.token}")
    patient = made(client, clients.patient)
    patient.create()
    assert client.resources("Patient").search(birthdate="1980-02-29").first().id == patient.id
    assert client.reference("Patient", patient.id).to_resource().id == patient.id
    patient["gender"] = "other"
    patient.update()
    patient.refresh()
    assert patient["meta"]["versionId"] == "2"
    client.delete(patient)
    with pytest.raises(ResourceNotFound):
        client.get("Patient", patient.id)


def test_smart_fhirclient(clinic, clients):
    from fhirclient.models.bundle import Bundle
    from fhirclient.models.observation import Observation
    from fhirclient.models.patient import Patient
    from fhirclient.server import FHIRNotFoundException, FHIRServer

    server = FHIRServer(None, clinic.base)
    server.session.headers["Authorization"] = f"Bearer {clinic.token}"
    patient = Patient.read(Patient(clients.patient).create(server)["id"], server)
    reference = f"Patient/{patient.id}"
    for value in (70, 71, 72):
        Observation(
            {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "weight"},
                "subject": {"reference": reference},
                "valueQuantity": {"value": value, "unit": "kg"},
            }
        ).create(server)
    search = Observation.where({"subject": reference, "value-quantity": {"$and": ["gt70", "lt73"]}})
    assert sorted(row.valueQuantity.value for row in search.perform_resources_iter(server)) == [71, 72]
    either = Observation.where(
        {"patient": patient.id, "value-quantity": {"$or": ["70", "72"]}, "_sort": "value-quantity"}
    )
    assert [row.valueQuantity.value for row in either.perform_resources_iter(server)] == [70, 72]
    pages = list(Observation.where({"patient": patient.id, "_count": "2"}).perform_iter(server))
    assert [len(page.entry) for page in pages] == [2, 1]
    [included] = Observation.where({"patient": patient.id}).include("subject").perform_iter(server)
    modes = sorted(entry.search.mode for entry in included.entry)
    assert modes == ["include", "match", "match", "match"]
    weight = next(entry.resource for entry in included.entry if entry.search.mode == "match")
    assert weight.subject.resolved(Patient).birthDate.isostring == "1980-02-29"
    alone = Observation.read(weight.id, server)
    assert alone.subject.resolved(Patient).id == patient.id
    everything = Bundle.read_from(f"{reference}/$everything", server)
    assert len(everything.entry) == 4
    with pytest.raises(FHIRNotFoundException):
        Patient.read("nobody", server)
