"""Requests as other implementations write them: HL7's reference implementation (an early build of the guide, with
resources that R4 does not allow beside the Claim), and the guide's own examples. The content is ours."""


def ri(pas, **more):
    """A Bundle in the shape of the reference implementation's: no absolute URLs, a draft, an order instead of items."""
    claim = {
        "resourceType": "Claim",
        "id": "001",
        "status": "draft",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
        "use": "preauthorization",
        "patient": {"reference": "Patient/pat1"},
        "created": "2026-04-01",
        "provider": {"reference": "Practitioner/pra1"},
        "priority": {"coding": [{"code": "normal"}]},
        "prescription": {"reference": "DeviceRequest/dev1"},
        "supportingInfo": [
            {
                "sequence": 1,
                "category": {"coding": [{"code": "info", "display": "Information"}]},
                "valueReference": {"reference": "QuestionnaireResponse/response1"},
            }
        ],
        "diagnosis": [
            {"sequence": 1, "diagnosisReference": {"reference": "Condition/cond1"}},
            {"sequence": 2, "diagnosisReference": {"reference": "Condition/cond2"}},
        ],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/cov1"}}],
        **more,
    }
    hcpcs = "https://bluebutton.cms.gov/resources/codesystem/hcpcs"
    others = [
        {
            "resourceType": "DeviceRequest",
            "id": "dev1",
            "status": "draft",
            "intent": "original-order",
            "codeCodeableConcept": {"coding": [{"system": hcpcs, "code": "E0424", "display": "Oxygen"}]},
            "subject": {"reference": "Patient/pat1"},
            "performer": {"reference": "PractitionerRole/pra1"},
            "insurance": {"reference": "Coverage/cov1"},
        },
        {
            "resourceType": "QuestionnaireResponse",
            "id": "response1",
            "authored": "2026-04-23",
            "status": "completed",
            "item": [
                {
                    "linkId": "3",
                    "text": "Requirements",
                    "item": [
                        {"linkId": "3.1", "answer": [{"valueCoding": {"code": "a"}}, {"valueCoding": {"code": "b"}}]},
                        {"linkId": "3.2", "answer": [{"valueQuantity": {"unit": "%", "value": 85}}]},
                        {"linkId": "3.3", "text": "Not answered"},
                        {"linkId": "3.4", "answer": [{"valueBoolean": False}]},
                    ],
                },
                {"linkId": "4", "item": [{"linkId": "4.2", "answer": [{"integer": "99"}]}]},
            ],
        },
        {
            "resourceType": "Patient",
            "id": "pat1",
            "name": [{"use": "official", "family": "Reyes", "given": ["Ana", "Luz"]}],
            "gender": "female",
            "birthDate": "1970-01-01",
        },
        {
            "resourceType": "Practitioner",
            "id": "pra1",
            "identifier": [{"system": pas.NPI, "value": "1234567893"}],
            "name": [{"family": "Rivera"}],
        },
        {"resourceType": "Condition", "id": "cond1", "clinicalStatus": "active", "code": _icd("J44.9")},
        {"resourceType": "Condition", "id": "cond2", "clinicalStatus": "active", "code": _icd("R09.02")},
        {
            "resourceType": "Coverage",
            "id": "cov1",
            "payor": [{"reference": "Organization/org1"}],
            "grouping": {"plan": "D"},
        },
        {"resourceType": "Organization", "id": "org1", "name": "The Plan"},
    ]
    rows = [{"fullUrl": one["id"], "resource": one} for one in (claim, *others)]
    return {"resourceType": "Bundle", "type": "collection", "entry": rows}


def _icd(code):
    return {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}


async def test_an_order_instead_of_items(house, pas):
    # Without identifiers of the Bundle, the Claim or the patient; what R4 does not allow in it is told.
    call = await house.call("POST", "Claim/$submit", json=ri(pas))
    assert call.status == 200, call
    answer = call.json["entry"][0]["resource"]
    assert (answer["outcome"], pas.actions(answer)) == ("complete", {1: "A1"})
    assert answer["request"] == {"reference": "Claim/001"} and answer["insurer"] == {"reference": "Organization/org1"}
    [row] = await house.cases()
    assert (row["procedure_code"], row["diagnosis_codes"]) == ("E0424", ["J44.9", "R09.02"])
    assert row["clinical_answers"] == {"3.1": ["a", "b"], "3.2": 85, "3.4": False}
    said = call.json["entry"][-1]["resource"]
    assert said["resourceType"] == "OperationOutcome"
    assert {issue["severity"] for issue in said["issue"]} == {"warning"}
    texts = " ".join(issue["diagnostics"] for issue in said["issue"])
    assert '"grouping"' in texts and '"integer"' in texts
    assert await house.get(f"ClaimResponse/{answer['id']}") == answer


async def test_its_updates_and_cancellations(house, pas):
    first = {"system": "http://www.ama-assn.org/go/cpt", "code": "G0154"}
    second = {"system": "http://www.ama-assn.org/go/cpt", "code": "B4184"}

    def items(is_cancelled):
        flag = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-itemCancelled"
        return [
            {
                "sequence": number,
                "productOrService": {"coding": [coding]},
                "modifierExtension": [{"url": flag, "valueBoolean": is_cancelled and number == 1}],
            }
            for number, coding in ((1, first), (2, second))
        ]

    one = (await house.call("POST", "Claim/$submit", json=ri(pas, status="active", item=items(False)))).json
    answer = one["entry"][0]["resource"]
    assert pas.actions(answer) == {1: "A4", 2: "A4"}
    # It names the Claim by the id that the payer gave, in place of a reference.
    replaces = [{"id": answer["id"], "relationship": {"coding": [{"code": "replaces", "display": "replaces"}]}}]
    two = await house.call(
        "POST", "Claim/$submit", json=ri(pas, id="002", status="active", related=replaces, item=items(True))
    )
    assert pas.actions(two.json["entry"][0]["resource"]) == {1: "C", 2: "A4"}
    cancelled = [{"id": "002", "relationship": {"coding": [{"code": "replaces"}]}}]
    three = await house.call("POST", "Claim/$submit", json=ri(pas, id="003", status="cancelled", related=cancelled))
    assert pas.actions(three.json["entry"][0]["resource"]) == {1: "C", 2: "C"}
    assert {row["state"] for row in await house.cases()} == {"withdrawn"}


async def test_uuids_parameters_and_contained_resources(house, pas):
    patient, plan = "urn:uuid:6c1a36f5-2f6c-4d3f-8d5a-0d8e4b7b4a01", "urn:uuid:6c1a36f5-2f6c-4d3f-8d5a-0d8e4b7b4a02"
    claim = pas.claim(
        id=None, patient={"reference": patient}, insurer={"reference": plan}, provider={"reference": "#doc"},
        contained=[pas.doctor("1234567893")],
        insurance=[{"sequence": 1, "focal": True, "coverage": {"display": "x"}}],
    )  # fmt: skip
    rows = [
        {"fullUrl": "urn:uuid:6c1a36f5-2f6c-4d3f-8d5a-0d8e4b7b4a00", "resource": claim},
        {"fullUrl": patient, "resource": {k: v for k, v in pas.PATIENT.items() if k != "id"}},
        {"fullUrl": plan, "resource": {"resourceType": "Organization", "name": "The Plan"}},
    ]
    whole = {**pas.bundle(), "entry": rows}
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": whole}]}
    answer = pas.check((await house.call("POST", "Claim/$submit", json=body)).json)["entry"]
    assert answer[0]["resource"]["outcome"] == "complete"
    assert answer[0]["resource"]["requestor"] == {"identifier": {"system": pas.NPI, "value": "1234567893"}}
    assert answer[0]["resource"]["patient"] == {"reference": patient}
    assert answer[0]["resource"]["request"]["reference"] == rows[0]["fullUrl"]
    assert [row["fullUrl"] for row in answer[1:]] == [patient, plan]


async def test_two_bases_with_one_id(house, pas):
    """A relative reference means the resource beside its holder, not one of the same id elsewhere."""
    whole = pas.bundle()
    other = {**pas.PATIENT, "identifier": [{"value": "M2"}], "birthDate": "2015-06-30"}
    whole["entry"].append({"fullUrl": "https://other.example.test/fhir/Patient/p1", "resource": other})
    answer = await house.post("Claim/$submit", whole)
    assert answer["entry"][0]["resource"]["outcome"] == "complete"
    assert [row["patient_member_id"] for row in await house.cases()] == ["M1"]
