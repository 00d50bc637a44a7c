"""Conditions and URLs of writes: what is absolute, and that a write has no result to shape."""

import pytest


def observation(name, code="1234-5"):
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "meta": {"tag": [{"code": "t"}]},
    }


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_an_entry_whose_query_holds_a_url(fhir, kind):
    await fhir.put(observation("o"), observation("p", "9-9"), observation("q", "8-8"))
    code = "Observation?code=http://loinc.org|"
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Observation.status"},
        {"name": "value", "valueCode": "amended"}]}]}  # fmt: skip
    new = {k: v for k, v in observation("x", "8-8").items() if k != "id"}
    answer = await fhir.bundle(
        fhir.entry("GET", code + "1234-5"),
        fhir.entry("PATCH", code + "1234-5", patch),
        fhir.entry("PUT", code + "8-8", {**new, "status": "corrected"}),
        fhir.entry("DELETE", code + "9-9"),
        fhir.entry("POST", "Observation", new, ifNoneExist="code=http://loinc.org|8-8"),
        kind=kind,
    )
    assert answer.status == 200, answer
    assert [e["response"]["status"][:3] for e in answer.json["entry"]] == ["200", "200", "200", "204", "200"]
    assert answer.json["entry"][0]["resource"]["total"] == 1
    states = [(await fhir.call("GET", f"Observation/{i}")) for i in "opq"]
    assert [s.status for s in states] == [200, 410, 200]
    assert [states[0].json["status"], states[2].json["status"]] == ["amended", "corrected"]


@pytest.mark.parametrize("url", ["http://other.test/fhir/Patient?x=1", "//other.test/fhir/Patient", "urn:uuid:a"])
async def test_an_entry_that_is_elsewhere_is_still_refused(fhir, url):
    answer = await fhir.bundle(fhir.entry("GET", url))
    assert answer.status == 400 and "not below this server's base" in fhir.said(answer)


@pytest.mark.parametrize("form", ["{}", "?{}", "Patient?{}", "/Patient?{}", "{base}/Patient?{}"])
async def test_a_condition_may_hold_a_question_mark(fhir, form):
    value = "http://x?a"
    person = {"resourceType": "Patient", "identifier": [{"system": value, "value": "1"}]}
    condition = form.format(f"identifier={value}|1", base=fhir.base)
    answers = [await fhir.call("POST", "Patient", person, If_None_Exist=condition) for _ in range(2)]
    assert [a.status for a in answers] == [201, 200], answers
    assert answers[0].json["id"] == answers[1].json["id"]


async def test_a_condition_on_another_server_is_refused(fhir):
    answer = await fhir.call(
        "POST", "Patient", {"resourceType": "Patient"}, If_None_Exist="http://other.test/fhir/Patient?family=X"
    )
    assert answer.status == 400 and "not below" in fhir.said(answer)


SHAPING = ["_count=2", "_include=Observation:subject", "_sort=date", "_summary=true", "_elements=id", "_total=none",
           "_revinclude=Provenance:target", "_contained=false", "_include:iterate=*"]  # fmt: skip
WRITES = [
    ("DELETE", "Observation?_tag=t&{}", None, {}),
    ("PUT", "Observation?_id=a&{}", observation("a"), {}),
    ("PATCH", "Observation?_id=a&{}", {"status": "amended"}, {}),
    ("POST", "Observation?_tag=none&{}", observation("z"), {}),
    ("POST", "Observation?{}", observation("z"), {}),
    ("POST", "Observation", observation("z"), {"If_None_Exist": "_tag=none&{}"}),
]


@pytest.mark.parametrize("shaping", SHAPING)
async def test_conditional_writes_refuse_what_shapes_a_result(fhir, shaping):
    await fhir.put(*map(observation, "abc"))
    before = fhir.run.state_hash()
    name = shaping.partition("=")[0]
    for method, url, body, headers in WRITES:
        headers = {key: value.format(shaping) for key, value in headers.items()}
        for more in ({}, {"Prefer": "handling=lenient"}):
            answer = await fhir.call(method, url.format(shaping), body, **headers, **more)
            assert answer.status == 400, (method, url, answer)
            assert f'"{name}"' in fhir.said(answer) and answer.json["issue"][0]["expression"] == [f"http.{name}"]
    for kind in ("batch", "transaction"):
        for method, url, body, headers in WRITES:
            if method == "PATCH":
                continue
            row = fhir.entry(method, url.format(shaping), body)
            if headers:
                row["request"]["ifNoneExist"] = headers["If_None_Exist"].format(shaping)
            answer = await fhir.bundle(row, kind=kind)
            text = answer.body.decode()
            assert f'\\"{name}\\"' in text and ('"400 ' in text or answer.status == 400), (kind, method, url, answer)
    assert fhir.run.state_hash() == before


async def test_how_the_answer_is_written_may_be_asked_of_a_conditional_write(fhir):
    await fhir.put(observation("a"))
    answer = await fhir.call("DELETE", "Observation?_tag=t&_format=json&_pretty=true")
    assert answer.status == 204
    answer = await fhir.call("POST", "Observation?_format=json&_pretty=true", observation("z"))
    assert answer.status == 201 and b"\n" in answer.body
