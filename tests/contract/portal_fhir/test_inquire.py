"""`Claim/$inquire`, reads and searches: the cases of a member, by whichever door they came."""

NOT_APPLICABLE = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-applicable"}]
}


async def test_by_procedure_by_number_and_any(house, pas):
    first = await house.submit(pas.claim(pas.item("73721")))
    second = await house.submit(pas.claim(pas.item("70450"), name="c2"))
    [row] = [row for row in await house.cases() if row["procedure_code"] == "73721"]
    anonymous = {"identifier": None}
    for asked, found in (
        (pas.claim(pas.item("73721"), **anonymous), [first]),
        (pas.claim({**pas.item(), "productOrService": NOT_APPLICABLE}, **anonymous), [second, first]),
        (pas.claim(item=None, **anonymous), [second, first]),
        (pas.claim(name="c2"), [second]),
        (pas.claim(pas.item(number=row["auth_number"]), **anonymous), [first]),
        (pas.claim(identifier=[{"value": row["request_id"]}]), [first]),
        (pas.claim(pas.item("99999"), **anonymous), []),
        (pas.claim(identifier=[{"value": "nothing"}]), []),
    ):
        answers = await house.inquire(asked)
        assert [answer["id"] for answer in answers] == [answer["id"] for answer in found], asked[
            "item" if "item" in asked else "id"
        ]
        assert all(a["meta"]["profile"] == [f"{pas.PAS}/profile-claiminquiryresponse"] for a in answers)


async def test_an_example_with_a_code_that_is_none_is_refused(house, pas):
    """No case can have it, so an empty answer would say what is not so; `not-applicable` needs its system."""
    await house.submit()
    for code in ("not-applicable", "knee MRI"):
        asked = pas.claim({**pas.item(), "productOrService": {"coding": [{"code": code}]}}, identifier=None)
        answer = await house.call("POST", "Claim/$inquire", json=pas.bundle(asked))
        assert answer.status == 400, answer
        [issue] = answer.json["issue"]
        assert code in issue["diagnostics"] and issue["expression"] == ["Bundle.entry[0].resource.item"]


async def test_cases_of_other_doors_are_found(house, pas):
    [found] = await house.inquire(pas.claim(pas.item("73721"), identifier=None), pas.CHILD)
    assert pas.actions(found) == {1: "A1"} and found["preAuthRef"] == "PA1000000009"
    assert found["patient"]["identifier"]["value"] == "M2" and found["patient"]["display"] == "Leo Reyes"
    assert found["request"] == {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "not-applicable"}
        ]
    }
    assert (await house.get(f"ClaimResponse/{found['id']}"))["item"] == found["item"]
    assert (await house.call("GET", f"Claim/{found['id']}")).status == 404


async def test_another_providers_cases_are_withheld_and_the_answer_says_so(house, pas):
    await house.submit()
    other = pas.doctor("1003000126")
    answer = await house.post("Claim/$inquire", pas.bundle(pas.claim(identifier=None), other))
    [entry] = answer["entry"]
    assert entry["resource"]["resourceType"] == "OperationOutcome"
    assert entry["resource"]["issue"][0]["code"] == "suppressed"
    empty = await house.post("Claim/$inquire", pas.bundle(pas.claim(pas.item("99999"), identifier=None), other))
    assert "entry" not in empty


async def test_who_is_not_known_is_told_as_for_a_submission(house, pas):
    answer = await house.post("Claim/$inquire", pas.bundle(None, {**pas.PATIENT, "birthDate": "1971-01-01"}))
    assert answer["entry"][0]["resource"]["error"][0]["code"]["coding"][0]["code"] == "71"


async def test_a_search_may_be_posted(house, pas):
    await house.submit()
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    async def post(path, body, status=200, **headers):
        answer = await house.call("POST", path, body=body, headers=headers or form)
        assert answer.status == status, answer
        return answer.json

    asked = await house.get("ClaimResponse?identifier=TRACE-c1&_count=1")
    posted = await post("ClaimResponse/_search?_count=1", b"identifier=TRACE-c1")
    assert asked["total"] == 1 and posted["entry"] == asked["entry"]
    assert "identifier=TRACE-c1" in posted["link"][0]["url"] and "_search" not in posted["link"][0]["url"]
    assert (await post("ClaimResponse/_search", b""))["total"] == 2  # one is of the seed
    assert (await post("Questionnaire/_search", b"url=http%3A%2F%2Fexample.org%2Fnone"))["total"] == 0
    await post("ClaimResponse/_search", b"status=active", 400)
    await post("ClaimResponse/_search?identifier=a", b"identifier=b", 400)
    await post("ClaimResponse/_search", b"{}", 415, **{"Content-Type": "application/json"})
    await post("CommunicationRequest/_search", b"", 405)
    assert (await post("Task/_search", b"status=requested"))["total"] == 0
    assert (await house.call("GET", "ClaimResponse/_search")).status == 405


async def test_a_read_counts_as_a_read_and_a_search_does_not(kit, disk, serve, pas):
    rule = {"procedure_code": "70450", "status": "approved", "delay_reads": 2}
    pas.write(kit, disk, {**pas.CONFIG, "determinations": [rule]})
    async with serve() as live:
        house = await pas.begun(live)
        answer = await house.submit(pas.claim(pas.item("70450")))
        for _ in range(3):
            found = await house.get("ClaimResponse?identifier=TRACE-c1")
            assert pas.actions(found["entry"][0]["resource"]) == {1: "A4"}
        assert (await house.call("HEAD", f"ClaimResponse/{answer['id']}")).status == 200
        assert pas.actions(await house.get(f"ClaimResponse/{answer['id']}")) == {1: "A4"}
        [second] = await house.inquire(pas.claim(pas.item("70450")))
        assert pas.actions(second) == {1: "A1"}


async def test_a_search_goes_page_by_page(house, pas):
    """`_count` is honoured, the rest is behind `next`; what comes meanwhile neither repeats nor hides another."""
    made = [(await house.submit(pas.claim(name=f"c{n}")))["id"] for n in range(3)]
    search = "ClaimResponse?patient.identifier=M1&_count"
    first = await house.get(f"{search}=2")
    assert first["total"] == 3 and [row["resource"]["id"] for row in first["entry"]] == made[:0:-1]
    await house.submit(pas.claim(name="c4"))
    links = {link["relation"]: link["url"] for link in first["link"]}
    rest = await house.get(f"ClaimResponse?{links['next'].partition('?')[2]}")
    assert [row["resource"]["id"] for row in rest["entry"]] == made[:1]
    assert [link["relation"] for link in rest["link"]] == ["self"]
    nothing = await house.get(f"{search}=0")
    assert nothing["total"] == 4 and "entry" not in nothing and len(nothing["link"]) == 1
    for wrong in ("x", "-1"):
        assert (await house.call("GET", f"{search}={wrong}")).status == 400
    assert (await house.call("GET", f"{search}=1&_after=gone")).status == 400


async def test_searches(house, pas):
    first = await house.submit(pas.claim(pas.item("73721")))
    second = await house.submit(pas.claim(pas.item("70450"), name="c2"))
    seeded = "req.5F.seeded.5F.1"
    for query, found in (
        ("", [second["id"], first["id"], seeded]),
        ("?_id=" + first["id"], [first["id"]]),
        ("?identifier=TRACE-c2", [second["id"]]),
        ("?identifier=urn:trnorg:9012345678|TRACE-c2", [second["id"]]),
        ("?identifier=urn:other|TRACE-c2", []),
        ("?identifier=PA1000000009", [seeded]),
        ("?patient.identifier=M2", [seeded]),
        ("?patient.identifier=urn:x|m1&identifier=TRACE-c1", [first["id"]]),
        ("?_id=nothing", []),
    ):
        answer = await house.get(f"ClaimResponse{query}")
        assert answer["type"] == "searchset" and answer["total"] == len(found)
        assert [row["resource"]["id"] for row in answer.get("entry", ())] == found, query
    questionnaires = await house.get("Questionnaire")
    assert [row["resource"]["id"] for row in questionnaires["entry"]] == ["72148"]
    url = f"{house.held['fhir_url']}/Questionnaire/72148"
    assert (await house.get(f"Questionnaire?url={url}"))["total"] == 1
    assert (await house.get("Questionnaire?url=http://other.test/x"))["total"] == 0


async def test_what_is_not_served_is_refused_by_name(house, pas):
    for method, path, status, named in (
        ("GET", "ClaimResponse?status=active", 400, "status"),
        ("GET", "ClaimResponse?identifier=a&identifier=b", 400, "identifier"),
        ("GET", "ClaimResponse?identifier=", 400, "identifier"),
        ("GET", "ClaimResponse/x?_id=x", 400, "_id"),
        ("GET", "ClaimResponse/x", 404, "ClaimResponse"),
        ("GET", "Claim", 404, "Claim"),
        ("POST", "Claim", 404, "Claim"),
        ("PUT", "Claim/x", 405, "PUT"),
        ("DELETE", "ClaimResponse/x", 405, "DELETE"),
        ("GET", "Claim/$submit", 405, "Claim/$submit"),
        ("POST", "Claim/$submit?x=1", 400, '"x"'),
        ("POST", "Claim/$nothing", 404, "$nothing"),
        ("GET", "Patient/1", 404, "Patient"),
        ("GET", "Banana", 404, "Banana"),
        ("GET", "", 404, "metadata"),
        ("POST", "metadata", 405, "GET"),
        ("GET", "ClaimResponse/x/_history", 404, "_history"),
        ("GET", "Questionnaire/99999", 404, "99999"),
        ("GET", "Task/x-1-documents", 404, "Task"),
        ("GET", "ClaimResponse?_format=xml", 406, "xml"),
    ):
        answer = await house.call(method, path)
        assert (answer.status, answer.json["resourceType"]) == (status, "OperationOutcome"), (method, path, answer)
        assert named in answer.json["issue"][0]["diagnostics"], (method, path, answer)
        pas.check(answer.json)
        assert status != 405 or answer.headers["Allow"]


async def test_the_statement_says_what_is_served(house, pas):
    statement = pas.check((await house.call("GET", "metadata", token="")).json)
    [rest] = statement["rest"]
    assert {row["type"] for row in rest["resource"]} == {
        "Claim", "ClaimResponse", "CommunicationRequest", "Questionnaire", "Subscription", "Task",
    }  # fmt: skip
    assert rest["security"]["extension"][0]["extension"][0]["valueUri"] == house.held["token_url"]
    found = (await house.call("GET", ".well-known/smart-configuration", token="")).json
    assert found["token_endpoint"] == house.held["token_url"]
