"""A seeded run depends on its seed and the agent's calls alone: the same bodies, the same state."""

import json
import re
from typing import Any


async def tour(live: Any, kit: Any, seed: int | None) -> tuple[list[Any], list[Any], str]:
    """Do the same calls on a new run; return bodies and events with the run's own ids replaced, and the state."""
    run = await live.started(seed=seed)
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "files/inbox", {}),
        ("PUT", "files/outbox/note.txt", {"body": b"done"}),
        ("GET", "files/?recursive=true", {}),
        ("GET", "hl7/inbox", {}),
        ("POST", "hl7/outbound", {"json": {"payload": kit.adt.format(control="C1", family="Smith")}}),
        ("POST", "hl7/outbound", {"json": {"payload": "nonsense"}}),
        ("GET", "hl7/outbound", {}),
        ("POST", "portal/prior-auths", {"json": kit.prior_auth}),
        ("POST", "portal/prior-auths", {"json": {"patient_member_id": "nobody"}}),
        ("GET", "portal/prior-auths", {}),
        ("GET", "portal/patients", {}),
        ("POST", "portal/login", {"json": {"username": "x", "password": "y"}}),
        ("POST", "fhir/Patient", {"json": {"resourceType": "Patient", "name": [{"family": "Smith"}]}}),
        ("GET", "fhir/Patient?_sort=_id", {}),
        ("GET", "fhir/Patient/ana/_history", {}),
        ("GET", "fhir/Patient/nobody", {}),
    ]
    names = {run.id: "RUN", live.url: "URL"}
    for index, task_run in enumerate(run.value["task_runs"]):
        names |= {task_run["id"]: f"TASK{index}", task_run["playground_id"]: f"PLAYGROUND{index}"}
    for index, sandbox in enumerate(run.value["sandboxes"]):
        names[sandbox["id"]] = f"SANDBOX{index}"
    pattern = re.compile("|".join(map(re.escape, names)))

    def plain(text: str) -> str:
        return re.sub(r'"req_\w{26}"', '"REQUEST"', pattern.sub(lambda found: names[found[0]], text))

    answers = []
    for method, path, more in calls:
        answer = await run.call(method, path, **more)
        kept = {k: plain(v) for k, v in answer.headers.items() if k in ("ETag", "Last-Modified", "Location")}
        answers.append((method, path, answer.status, kept, plain(answer.body.decode())))
    state = run.state_hash()
    events = [
        {k: v for k, v in json.loads(plain(json.dumps(e))).items() if k != "duration_ms"} for e in await run.events()
    ]
    for event in events:
        event["request"] = event["request"] and {**event["request"], "headers": None}
    return answers, events, state


async def test_the_same_seed_gives_the_same_run(live, kit):
    first = await tour(live, kit, 7)
    second = await tour(live, kit, 7)
    for mine, other in zip(first[0], second[0], strict=True):
        assert mine == other
    assert first[1] == second[1]
    assert first[2] == second[2]


async def test_another_seed_gives_another_run(live, kit):
    first, second = await tour(live, kit, 7), await tour(live, kit, 8)
    assert first[2] != second[2]
    created = [next(a[4] for a in tour_[0] if a[1] == "portal/prior-auths") for tour_ in (first, second)]
    assert created[0] != created[1]
    assert [a[2] for a in first[0]] == [a[2] for a in second[0]]


async def test_without_a_seed_every_run_is_its_own(live, kit):
    assert (await tour(live, kit, None))[2] != (await tour(live, kit, None))[2]


async def test_the_clock_steps(live):
    run = await live.started(seed=1)
    for _ in range(3):
        await run.call("GET", "files/inbox")
    assert [e["at"] for e in await run.events()] == [f"2026-04-23T09:00:0{i}.000Z" for i in range(5)]


async def test_seeds_are_checked(live, kit):
    for seed in (0, 2**53 - 1):
        assert (await live.run(seed=seed)).value["seed"] == seed
    for wrong in (-1, 2**53, 1.0, "1", True, 10**30, [1]):
        body = {"benchmark": "clinic@1", "seed": wrong}
        for path, token in (("/v1/benchmark-runs", kit.solver_key), ("/benchmark-runs", kit.api_key)):
            sent = body if path.startswith("/v1") else {"benchmark_id": "clinic@1", "seed": wrong}
            answer = await live.call("POST", path, token, json=sent)
            assert answer.status == 400 and "seed" in answer.error["details"], wrong
