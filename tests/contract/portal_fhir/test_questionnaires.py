"""The payer's questions as a Questionnaire: the same questions asked after the same answers as through REST."""

import itertools

from sandbox.payer.validation import asked_questions


def parameters(pas, **given):
    rows = [{"name": "coverage", "resource": pas.COVERAGE}]
    for name, value in given.items():
        kind = "valueCanonical" if isinstance(value, str) else "resource"
        rows.append({"name": name, kind: value})
    return {"resourceType": "Parameters", "parameter": rows}


def order(code, kind="ServiceRequest", element="code"):
    coded = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": code}]}
    subject = {"subject": {"reference": "Patient/p1"}}
    return {"resourceType": kind, "id": "o", "status": "active", "intent": "order", element: coded, **subject}


async def package(house, pas, status=200, **given):
    answer = await house.post("Questionnaire/$questionnaire-package", parameters(pas, **given), status=status)
    if status != 200:
        return answer
    rows = answer["parameter"]
    assert rows[-1]["name"] == "operationOutcome"
    return [row["resource"]["entry"][0]["resource"] for row in rows if row["name"] == "PackageBundle"]


def enabled(item, answers):
    """What a form filler does with `enableWhen` (R4, Questionnaire)."""
    met = []
    for when in item.get("enableWhen", ()):
        value = answers.get(when["question"])
        wanted = next(v for k, v in when.items() if k.startswith("answer"))
        if value is None:
            met.append(False)
        elif when["operator"] == "=":
            met.append(value == wanted)
        else:
            met.append(value >= wanted if when["operator"] == ">=" else value <= wanted)
    return (any if item.get("enableBehavior") == "any" else all)(met) if met else True


def shown(items, answers):
    """The ids of the questions that a form shows; answers to what it does not show count for nothing."""
    found, known = [], {}
    for item in items:
        if not enabled(item, known):
            continue
        if item["type"] == "group":
            inner = shown_in(item["item"], known, answers)
            found += inner
        elif item["type"] != "display":
            found.append(item["linkId"])
        for name in found:
            if name in answers:
                known[name] = answers[name]
    return found


def shown_in(items, known, answers):
    return [
        name
        for item in items
        if enabled(item, known)
        for name in (shown_in(item["item"], known, answers) if item["type"] == "group" else [item["linkId"]])
    ]


async def test_the_same_questions_are_asked(house, pas):
    [found] = await package(house, pas, order=order("72148"))
    assert found["url"] == f"{house.held['fhir_url']}/Questionnaire/72148" and found["status"] == "active"
    assert found["description"] == "MRI of the lumbar spine"
    rest = (await house.run.call("GET", "portal/requirements?procedure_code=72148")).json["questions"]
    questions = {row["id"]: row for row in rest}
    assert set(questions) == {"flags", "site", "weeks", "since"}
    for flags, weeks in itertools.product((None, "none", "cancer", "trauma"), (None, 0, 5, 6, 30, 52, 53)):
        answers = {k: v for k, v in (("flags", flags), ("weeks", weeks)) if v is not None}
        assert set(shown(found["item"], answers)) == asked_questions(questions, answers), answers
    flat = {}
    waiting = list(found["item"])
    while waiting:
        item = waiting.pop()
        flat[item["linkId"]] = item
        waiting += item.get("item", ())
    types = {"flags": "choice", "site": "text", "weeks": "decimal", "since": "date"}
    for name, question in questions.items():
        assert (flat[name]["text"], flat[name]["required"]) == (question["text"], question["required"])
        assert flat[name]["type"] == types[name]
    assert [row["valueString"] for row in flat["flags"]["answerOption"]] == ["none", "cancer", "trauma"]
    stop = flat["weeks/stop"]
    assert (stop["type"], stop["text"]) == ("display", "Therapy comes first. It is decided by Northlight.")
    assert enabled(stop, {"weeks": 0}) and not enabled(stop, {"weeks": 6})
    assert await house.get("Questionnaire/72148") == found


async def test_by_canonical_and_for_each_kind_of_order(house, pas):
    url = f"{house.held['fhir_url']}/Questionnaire/72148"
    [found] = await package(house, pas, questionnaire=f"{url}|1")
    assert found["id"] == "72148"
    device = order("72148", "DeviceRequest", "codeCodeableConcept")
    medication = order("72148", "MedicationRequest", "medicationCodeableConcept")
    for one in (device, medication):
        assert await package(house, pas, order=one) == [found]


async def test_what_there_is_to_say_of_the_others(house, pas):
    for code, told in (
        ("71046", "No authorization is required."),
        ("73721", "This payer's lists do not name it."),
        ("70553", "Not decided here."),
    ):
        answer = await house.post("Questionnaire/$questionnaire-package", parameters(pas, order=order(code)))
        [row] = answer["parameter"]
        texts = [issue["diagnostics"] for issue in row["resource"]["issue"]]
        assert texts[0] == f"{code}: {told}" and "There are no questions." in texts[1]


async def test_refusals(house, pas):
    nobody = {**pas.COVERAGE, "subscriberId": "M9"}
    unnamed = {key: value for key, value in pas.COVERAGE.items() if key != "subscriberId"}
    coverage = {"name": "coverage", "resource": pas.COVERAGE}
    asked = {"name": "order", "resource": order("72148")}
    for rows, status in (
        ([asked], 400),
        ([coverage], 400),
        ([{"name": "coverage", "resource": nobody}, asked], 422),
        ([{"name": "coverage", "resource": unnamed}, asked], 400),
        ([{"name": "coverage", "valueString": "M1"}, asked], 400),
        ([{"name": "coverage", "resource": pas.PATIENT}, asked], 400),
        ([coverage, {"name": "order", "resource": order("1")}], 400),
        ([coverage, {"name": "order", "valueString": "72148"}], 400),
        ([coverage, {"name": "questionnaire", "valueCanonical": "http://other.test/x"}], 400),
        ([coverage, {"name": "context", "valueString": "x"}], 400),
        ([coverage, asked, {"name": "banana", "valueString": "x"}], 400),
    ):
        body = {"resourceType": "Parameters", "parameter": rows}
        await house.post("Questionnaire/$questionnaire-package", body, status=status)
    for body in ({}, [], {"resourceType": "Bundle", "type": "collection"}, {"resourceType": "Parameters", "x": 1}):
        await house.post("Questionnaire/$questionnaire-package", body, status=400)


async def test_a_response_to_it_becomes_the_cases_answers(house, pas):
    [found] = await package(house, pas, order=order("72148"))
    nested = {
        "resourceType": "QuestionnaireResponse", "id": "qr1", "status": "completed", "questionnaire": found["url"],
        "item": [
            {"linkId": "flags", "answer": [{"valueCoding": {"code": "none"}}]},
            {"linkId": "weeks", "answer": [{"valueQuantity": {"value": 10, "unit": "wk"}}]},
            {"linkId": "since/when-1", "item": [{"linkId": "since", "answer": [{"valueDate": "2026-01-05"}]}]},
        ],
    }  # fmt: skip
    await house.submit(pas.claim(pas.item("72148"), supportingInfo=[pas.info("QuestionnaireResponse/qr1")]), nested)
    [row] = await house.cases()
    assert row["clinical_answers"] == {"flags": "none", "weeks": 10, "since": "2026-01-05"}
    stopped = {**nested, "item": [nested["item"][0], {"linkId": "weeks", "answer": [{"valueDecimal": 0}]}]}
    answer = await house.submit(
        pas.claim(pas.item("72148"), supportingInfo=[pas.info("QuestionnaireResponse/qr1")]), stopped
    )
    assert answer["outcome"] == "error" and "Therapy comes first." in answer["disposition"]
