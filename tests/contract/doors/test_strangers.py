"""What a caller without a credential may cause: nothing that lasts, but for a log-in that is refused."""

from sandbox import limits

GRANT = {"grant_type": "client_credentials"}
DOCUMENTS = (
    "fhir/metadata",
    "fhir/.well-known/smart-configuration",
    "portal",
    "portal/fhir/metadata",
    "portal/fhir/.well-known/smart-configuration",
)


async def test_documents_are_events_only_of_who_shows_a_credential(doors, knock, kept):
    other = await doors.live.started()
    token = await doors.token()
    before = doors.run.state_hash(), len(await doors.events())
    for kind, paths in (("Fhir", DOCUMENTS[:2]), ("Payer", DOCUMENTS[2:])):
        for root in doors.roots(kind):
            for path in paths:
                for sent in (None, "nonsense", other.token):
                    assert (await doors.call("GET", f"{root}/{path}", sent)).status == 200, (root, path)
    assert (doors.run.state_hash(), len(await doors.events())) == before
    for sent in (doors.run.token, token):
        assert (await doors.call("GET", f"/v1/benchmark-runs/{doors.run.id}/fhir/metadata", sent)).status == 200
    recorded = (await doors.events())[before[1] :]
    assert [e["request"]["path"] for e in recorded] == ["fhir/metadata", "fhir/metadata"]


async def test_calls_that_are_refused_for_want_of_a_credential_leave_no_trace(doors):
    before = doors.run.state_hash(), len(await doors.events())
    for kind, path in (
        ("Fhir", "fhir/Patient/ana"),
        ("Payer", "portal/patients"),
        ("Payer", "portal/fhir/Questionnaire"),
        ("Files", "files/inbox"),
        ("Hl7", "hl7/inbox"),
    ):
        for root in doors.roots(kind):
            for token in (None, "nonsense", "vrl_smart_01.x", "vrl_run_x"):
                assert (await doors.call("GET", f"{root}/{path}", token)).status == 401, (root, path)
    assert (doors.run.state_hash(), len(await doors.events())) == before


async def test_a_log_in_that_cannot_be_read_leaves_no_trace(doors):
    before = doors.run.state_hash(), len(await doors.events())
    for root in doors.roots("Payer"):
        for body in (b"", b"{", b"[]", b'{"username": 1}', b'{"username": "x", "password": "y", "otp": "1"}'):
            assert (await doors.call("POST", f"{root}/portal/login", body=body)).status == 400
    for root in doors.roots("Fhir"):
        for form in ({}, GRANT, {**GRANT, "client_assertion": "x"}):
            assert (await doors.ask(f"{root}/fhir/token", form)).status in (400, 401)
        assert (await doors.call("GET", f"{root}/fhir/token")).status == 405
    assert (doors.run.state_hash(), len(await doors.events())) == before


async def test_the_agents_own_malformed_log_in_is_an_event(doors):
    before = len(await doors.events())
    assert (await doors.run.call("POST", "portal/login", body=b"{")).status == 400
    [event] = (await doors.events())[before:]
    assert (event["type"], event["response"]["status"]) == ("portal_login", 400)


async def test_refused_token_requests_are_events_up_to_the_limit(serve, kit, knock):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        doors = knock(live, await live.started())
        held, before = doors.credentials("Fhir"), len(await doors.events())
        wrong = {**GRANT, "client_id": held["client_id"], "client_secret": "wrong"}
        for _ in range(limits.LOGIN_ATTEMPTS_PER_MINUTE):
            assert (await doors.ask(held["token_url"], wrong)).status == 401
        recorded = (await doors.events())[before:]
        assert [e["response"]["status"] for e in recorded] == [401] * limits.LOGIN_ATTEMPTS_PER_MINUTE
        assert {e["type"] for e in recorded} == {"fhir_request"}
        state = doors.run.state_hash()
        for _ in range(3):
            refused = await doors.ask(held["token_url"], wrong)
            assert (refused.status, refused.json["error"]) == (429, "slow_down")
            assert refused.headers["Retry-After"] == "60"
        assert doors.run.state_hash() == state and len(await doors.events()) == before + len(recorded)
        clock.advance(60)
        for _ in range(2 * limits.LOGIN_ATTEMPTS_PER_MINUTE):
            await doors.token()  # a client that is who it says may ask as often as it likes
        assert (await doors.ask(held["token_url"], wrong)).status == 401
        branch = doors.live.playground(doors.run.tasks[0]).branch
        assert branch.count("fhir/_refusals") == 1, "what is older than the window is not kept"


async def test_refused_log_ins_move_nothing_in_a_seeded_run(live, kit, knock):
    """Two runs of a seed, one of them with a stranger at the doors: the agent sees the same."""

    async def tour(has_stranger):
        doors = knock(live, await live.started(seed=11))
        held, seen = doors.credentials("Fhir"), []

        async def stranger():
            if has_stranger:
                assert (await doors.log_in(username="x")).status == 401
                wrong = {**GRANT, "client_id": held["client_id"], "client_secret": "wrong"}
                assert (await doors.ask(held["token_url"], wrong)).status == 401
                assert (await doors.call("GET", f"{held['fhir_base_url']}/metadata")).status == 200
                assert (await doors.call("GET", f"{held['fhir_base_url']}/Patient/ana")).status == 401

        for _ in range(3):
            await stranger()
            made = await doors.run.call("POST", "fhir/Patient", json={"resourceType": "Patient"})
            auth = await doors.run.call("POST", "portal/prior-auths", json=kit.prior_auth)
            seen.append((made.body, auth.body))
        times = [e["at"] for e in await doors.events() if (e["response"] or {}).get("status") in (200, 201)]
        return seen, times

    assert await tour(False) == await tour(True)
