"""Secrets and seeds: a run's ids come from its seed, what opens its doors never does, and its state repeats."""

SECRET_KEYS = ("client_secret", "username", "password", "receiving_application", "receiving_facility")


def secrets_of(run):
    return [s["credentials"][k] for s in run.value["sandboxes"] for k in SECRET_KEYS if k in s["credentials"]]


async def test_no_two_runs_share_a_secret(live):
    runs = [await live.run(seed=5), await live.run(seed=5), await live.run()]
    found = [secret for run in runs for secret in secrets_of(run)]
    # The portal has a user, and so has the file drop; the payer's FHIR API has a client, and so has the EHR's.
    own = len(SECRET_KEYS) + len(("username", "password")) + len(("client_secret",))
    assert len(found) == 3 * 2 * own and len(set(found)) == len(found)
    assert len({run.token for run in runs}) == 3


async def test_tokens_and_sessions_of_a_seeded_run_cannot_be_foreseen(live, knock, kept):
    found = set()
    for _ in range(2):
        doors = knock(live, await live.started(seed=5))
        found |= {await doors.token(), kept(await doors.log_in())["Cookie"]}
    assert len(found) == 4


async def test_two_runs_of_a_seed_have_the_same_state_whatever_their_secrets(live, kit, knock, kept):
    async def tour():
        doors = knock(live, await live.started(seed=9))
        run = doors.run
        token = await doors.token(scope="system/Patient.read")
        held = doors.credentials("Fhir")
        await doors.ask(held["token_url"], {"grant_type": "x", "client_id": held["client_id"], "client_secret": "no"})
        await doors.call("GET", f"{held['fhir_base_url']}/Patient/ana", token)
        cookie = kept(await doors.log_in())
        await doors.log_in(password="wrong")
        await doors.call(
            "POST", f"{doors.credentials('Payer')['api_url']}/prior-auths", headers=cookie, json=kit.prior_auth
        )
        await run.call("POST", "hl7/outbound", json={"payload": "nonsense"})
        nobody = kit.adt.format(control="C1", family="Smith").replace("|C|D|", "|||")
        await run.call("POST", "hl7/outbound", json={"payload": nobody})
        return run.state_hash()

    assert await tour() == await tour()
