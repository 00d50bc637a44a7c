"""`@medplum/core`, `fhir-kit-client` and `fhirpy` ask a payer for prior authorization with its credentials alone."""

import json
import urllib.request

import pytest
from fhirpy import SyncFHIRClient

pytestmark = pytest.mark.timeout(1200)

CPT = "http://www.ama-assn.org/go/cpt"
COVERAGE = {
    "resourceType": "Coverage", "id": "cov", "status": "active", "subscriberId": "EVM204817735",
    "beneficiary": {"reference": "Patient/maria"}, "payor": [{"display": "The Plan"}],
}  # fmt: skip
ORDER = {
    "resourceType": "ServiceRequest", "id": "o", "status": "active", "intent": "order",
    "code": {"coding": [{"system": CPT, "code": "73721"}]}, "subject": {"reference": "Patient/maria"},
}  # fmt: skip


def request(npi):
    claim = {
        "resourceType": "Claim", "id": "c", "identifier": [{"system": "urn:trace", "value": "TRACE-1"}],
        "status": "active", "type": {"coding": [{"code": "professional"}]}, "use": "preauthorization",
        "patient": {"reference": "Patient/maria"}, "created": "2026-04-23", "priority": {"text": "normal"},
        "provider": {"reference": "Practitioner/doc"}, "insurer": {"display": "The Plan"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/cov"}}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {
            "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M25.561"}]}}],
        "supportingInfo": [{"sequence": 1, "category": {"text": "answers"}, "valueReference": {
            "reference": "QuestionnaireResponse/qr"}}],
        "item": [{"sequence": 1, "productOrService": {"coding": [{"system": CPT, "code": "73721"}]}}],
    }  # fmt: skip
    answers = [{"linkId": "mechanical_symptoms", "answer": [{"valueBoolean": True}]}]
    others = [
        {"resourceType": "Patient", "id": "maria", "name": [{"family": "Chen", "given": ["Maria"]}],
         "birthDate": "1984-03-12", "identifier": [{"value": "EVM204817735"}]},
        {"resourceType": "Practitioner", "id": "doc",
         "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}]},
        {"resourceType": "QuestionnaireResponse", "id": "qr", "status": "completed", "item": answers},
        COVERAGE,
    ]  # fmt: skip
    rows = [{"fullUrl": f"http://ehr.test/{r['resourceType']}/{r['id']}", "resource": r} for r in (claim, *others)]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": "2026-04-23T09:00:00Z", "entry": rows}


@pytest.fixture(scope="module")
def payer(kit, tmp_path_factory):
    """The credentials of a started run's payer, and a provider that it knows."""
    rules = [{"procedure_code": "73721", "status": "approved", "valid_days": 90}]
    config = {"fhir": True, "determinations": rules}
    folder = kit.write_benchmark(
        tmp_path_factory.mktemp("playgrounds"), "one-payer", type="Payer", dataset="regional-clinic", config=config
    )
    with kit.running_server(playgrounds=[folder], seeds=[kit.seeds]) as server:
        client = server.sync_client
        session = client.start_task_run(client.create_benchmark_run("one-payer").task_runs[0].id)
        url = f"{server.url}/v1/task-runs/{session.task_run_id}/portal/providers"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {session.token}"})
        with urllib.request.urlopen(asked) as answer:
            npi = next(row["npi"] for row in json.load(answer)["data"] if row["credentialed"])
        yield session.sandboxes[0]["credentials"], npi


async def test_npm_clients(payer, run_node):
    held, npi = payer
    whole = request(npi)
    facts = await run_node(
        "prior_auth.mjs", held["fhir_url"], "",
        payer={
            "fhir": held["fhir_url"], "token": held["token_url"], "id": held["client_id"],
            "secret": held["client_secret"], "request": whole, "inquiry": whole, "coverage": COVERAGE, "order": ORDER,
        },
    )  # fmt: skip
    assert facts["outcome"] == "complete" and facts["number"] == facts["inquired"]
    assert facts["questions"] == ["injury_date", "mechanical_symptoms"]
    assert "ClaimResponse" in facts["types"]


def test_fhirpy(payer):
    held, npi = payer
    form = f"grant_type=client_credentials&client_id={held['client_id']}&client_secret={held['client_secret']}"
    with urllib.request.urlopen(held["token_url"], form.encode()) as answer:
        token = json.load(answer)["access_token"]
    client = SyncFHIRClient(held["fhir_url"], authorization=f"Bearer {token}")
    answer = client.execute("Claim/$submit", data=request(npi))
    assert answer["entry"][0]["resource"]["outcome"] == "complete"
    found = client.resources("ClaimResponse").search(identifier="TRACE-1").fetch()
    assert found and all(row["outcome"] == "complete" for row in found)
