"""The tasks of prior-auth-imaging@3 by other doors and ways: right ones score 1.0, wrong ones fail for it."""

import importlib.util
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.rehearsal.agents import FunctionAgent
from sandbox.rehearsal.runner import Options, TaskResult, rehearse_once
from sandbox.testing.client import SandboxClient
from tests.alone import serving_only
from tests.playgrounds.test_near_misses import Unwatched
from tests.portal_site import Answer, PlainBrowser

FOLDER = Path(__file__).parents[2] / "playgrounds" / "prior-auth-imaging" / "v3"


def load_solution() -> Any:
    spec = importlib.util.spec_from_file_location("imaging_desk_solution", FOLDER / "solution.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


solution = load_solution()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[SandboxClient]:
    async with serving_only(tmp_path, "prior-auth-imaging@3") as connected:
        yield connected


async def played(client: SandboxClient, solve: Callable[[Any], Any], *keys: str) -> tuple[TaskResult, ...]:
    agent = FunctionAgent("imaging", solve)
    result = await rehearse_once(client, "prior-auth-imaging@3", agent, Options(task_keys=keys), Unwatched())
    return tuple(result.task_runs)


async def failed(client: SandboxClient, desk: type[Any], key: str) -> set[str]:
    async def solve(task: Any) -> Any:
        return await solution.solve(task, desk)

    (task,) = await played(client, solve, key)
    return {check.label for check in task.checks if not check.passed and "requires_unmet" not in (check.evidence or {})}


class Person(solution.Desk):  # type: ignore[misc, name-defined]
    """Uses the portal as a person does: by a session, without the run's token; logs in again when it has ended."""

    def __init__(self, task: Any, session: aiohttp.ClientSession) -> None:
        super().__init__(task)
        self.session = session
        self.held = next(s for s in task.sandboxes if s["type"] == "Payer")["credentials"]
        self.log_ins = 0

    async def call(self, method: str, path: str, **sent: Any) -> Any:
        if not path.startswith("portal/"):
            return await super().call(method, path, **sent)
        for _ in range(2):
            async with self.session.request(method, f"{self.held['api_url']}{path[6:]}", **sent) as answer:
                if answer.status != 401:
                    answer.raise_for_status()
                    return await answer.json()
            await self.log_in()
        raise AssertionError(f"{path} stays closed")

    async def log_in(self) -> None:
        self.log_ins += 1
        body = {name: self.held[name] for name in ("username", "password")}
        async with self.session.post(f"{self.held['api_url']}/login", json=body) as answer:
            told = await answer.json()
        if told.get("code_required"):
            notices = await super().call("GET", "files/inbox/notices")
            latest = max(notices, key=lambda entry: entry["path"])
            text = (await self.task.request("GET", f"files/{latest['path']}")).text
            found = re.search(r"code is (\d{6})", text)
            assert found is not None
            async with self.session.post(f"{self.held['api_url']}/login/code", json={"code": found[1]}) as answer:
                answer.raise_for_status()


async def test_what_needs_the_portal_alone_is_done_without_the_runs_token(client: SandboxClient) -> None:
    async def by_session(task: Any) -> Any:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            output = await getattr(Person(task, session), task.key.replace("-", "_"))()
        assert task.calls == 0
        return output

    keys = ("wrong-patient", "slip-of-a-digit", "appeal-in-time")
    tasks = await played(client, by_session, *keys)
    assert {task.key: task.score for task in tasks} == dict.fromkeys(keys, 1.0)


async def test_a_session_ends_between_saving_and_sending(client: SandboxClient) -> None:
    people = []

    async def by_session(task: Any) -> Any:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            people.append(Person(task, session))
            return await people[0].saved_not_sent()

    (task,) = await played(client, by_session, "saved-not-sent")
    assert (task.score, people[0].log_ins) == (1.0, 2)


class Pages:
    """Uses the portal's pages as a browser without scripts does, and nothing else but the notices on the drive."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.held = next(s for s in task.sandboxes if s["type"] == "Payer")["credentials"]
        self.browser = PlainBrowser()
        self.log_ins = 0
        self.log_in()

    def log_in(self) -> None:
        self.log_ins += 1
        fields = {name: self.held[name] for name in ("username", "password")}
        page = self.browser.post(f"{self.held['portal_url']}login", fields)
        if "/login/code" in page.url:
            listed = self.task.request("GET", "files/inbox/notices").json()
            text = self.task.request("GET", f"files/{max(entry['path'] for entry in listed)}").text
            found = re.search(r"code is (\d{6})", text)
            assert found is not None
            self.browser.post(page.url.partition("?")[0], {"code": found[1]})

    def open(self, path: str) -> Answer:
        page = self.browser.get(f"{self.held['portal_url']}{path}")
        if page.status == 401:
            self.log_in()
            page = self.browser.get(f"{self.held['portal_url']}{path}")
        assert page.status == 200, (page.url, page.seen)
        return page

    def fill(self, page: Answer, **fields: str) -> Answer:
        names = {name.replace("answer_", "clinical_answers."): value for name, value in fields.items()}
        return self.browser.fill(page, names)

    def wrong_patient(self) -> Any:
        page = self.fill(self.open("requests/TN2026060901/withdraw"), reason="It is the other Marcus Bell's.")
        page = self.open("new?member_id=EVP400771946")
        page = self.fill(page, patient_member_id="EVP400771946", go="next")
        page = self.fill(page, provider_npi="1999981149", go="next")
        page = self.fill(page, procedure_code="72148", diagnosis_codes="M54.16", go="next")
        answers = {"answer_weeks_of_therapy": "7", "answer_red_flags": "none", "answer_motor_deficit": "no"}
        page = self.fill(page, **answers, go="next")
        page = self.fill(page, notes="Supervised physical therapy 2026-04-13 to 2026-05-29.", go="next")
        assert "/confirmation" in self.fill(page).url
        return {"taken_back": "TN2026060901"}

    def slip_of_a_digit(self) -> Any:
        page = self.open("requests/TN2026060902/edit")
        answers = {"answer_weeks_of_therapy": "8", "answer_red_flags": "none", "answer_motor_deficit": "no"}
        assert "done=changed" in self.fill(page, **answers, units="1", notes="").url
        return {"corrected": "TN2026060902"}

    def appeal_in_time(self) -> Any:
        page = self.open("requests/TN2026052901")
        assert "supervised therapy of at least six weeks" in page.seen
        words = "8 weeks of supervised physical therapy, 2026-03-23 to 2026-05-15, without relief."
        page = self.fill(self.open("requests/TN2026052901/appeal"), rationale=words)
        assert "done=appealed" in page.url
        return {"appealed": "TN2026052901"}

    def saved_not_sent(self) -> Any:
        steps = self.open("requests/req_lindqvist_brain/continue").url.rpartition("/")[0]
        steps = steps.removeprefix(self.held["portal_url"])
        answers = {"answer_contrast_allergy": "no", "answer_egfr": "94", "answer_egfr_date": "2026-06-02"}
        page = self.open(f"{steps}/questions")
        self.task.advance_clock(95)  # a person takes that long
        assert self.fill(page, **answers, go="next").status == 401
        page = self.fill(self.open(f"{steps}/questions"), **answers, go="next")
        assert "/confirmation" in self.fill(self.open(f"{steps}/review")).url and self.log_ins == 2
        return {"order": self.task.task_item["order"], "decision": "sent"}


async def test_what_needs_the_portal_alone_is_done_on_its_pages(client: SandboxClient) -> None:
    def by_pages(task: Any) -> Any:
        return getattr(Pages(task), task.key.replace("-", "_"))()

    keys = ("wrong-patient", "slip-of-a-digit", "appeal-in-time", "saved-not-sent")
    tasks = await played(client, by_pages, *keys)
    assert {task.key: task.score for task in tasks} == dict.fromkeys(keys, 1.0)


async def test_the_portal_takes_neither_the_whole_chart_nor_a_text(client: SandboxClient) -> None:
    refused = {}

    async def solve(task: Any) -> Any:
        desk = solution.Desk(task)
        await desk.open_order()
        row = await desk.send()
        for entry in await desk.call("GET", f"files/records/{desk.chart['identifier'][0]['value']}"):
            content = (await task.request("GET", f"files/{entry['path']}")).body
            path, name = f"portal/prior-auths/{row['request_id']}/attachments", entry["path"].rpartition("/")[2]
            headers = {"Content-Type": entry["content_type"]}
            if "2024" not in name and "2026.pdf" not in name:
                sent = await task.request("POST", path, params={"filename": name}, data=content, headers=headers)
                refused[name] = sent.status
        return await solve_the_rest(desk, row)

    async def solve_the_rest(desk: Any, row: Any) -> Any:
        await desk.hand_in(row, await desk.paper(row))
        row = await desk.until(await desk.call("GET", f"portal/prior-auths/{row['request_id']}"), "auth_number")
        await desk.release()
        return desk.report("authorized", auth_number=row["auth_number"])

    (task,) = await played(client, solve, "pended-for-notes")
    assert refused == {"pt-discharge-2026.txt": 415, "whole-chart.pdf": 413}
    assert task.score == 1.0


class Thorough(solution.Desk):  # type: ignore[misc, name-defined]
    """Sends every paper there is."""

    async def hand_in(self, row: Any, entry: Any) -> None:
        other = {**entry, "path": entry["path"].replace("2026", "2024")}
        path = f"portal/prior-auths/{row['request_id']}/attachments"
        content = (await self.task.request("GET", f"files/{other['path']}")).body
        headers = {"Content-Type": other["content_type"]}
        await self.call("POST", path, params={"filename": "therapy.pdf"}, data=content, headers=headers)
        await super().hand_in(row, entry)


class Hopeful(solution.Desk):  # type: ignore[misc, name-defined]
    """Does not wait for the number, and reports the one there is."""

    async def until(self, row: Any, *names: str) -> Any:
        return {**row, "auth_number": row["tracking_number"]}


class Late(solution.Desk):  # type: ignore[misc, name-defined]
    """Writes the appeal in the evening."""

    async def appeal_in_time(self) -> Any:
        await self.task.advance_clock(9 * 3600)
        return await super().appeal_in_time()


class Repeating(solution.Desk):  # type: ignore[misc, name-defined]
    """Sends the request again instead of appealing it."""

    async def call(self, method: str, path: str, **sent: Any) -> Any:
        if not path.endswith("/appeal"):
            return await super().call(method, path, **sent)
        notes = sent["json"]["rationale"]
        return await super().call(method, path.replace("/appeal", "/resubmit"), json={"notes": notes})


class Repointing(solution.Desk):  # type: ignore[misc, name-defined]
    """Takes the request back and leaves it at that."""

    async def call(self, method: str, path: str, **sent: Any) -> Any:
        if (method, path) == ("POST", "portal/prior-auths"):
            return {}
        return await super().call(method, path, **sent)


class Beginning(solution.Desk):  # type: ignore[misc, name-defined]
    """Begins anew what a colleague has begun."""

    async def finish(self, path: str) -> None:
        draft = await self.call("GET", path)
        await self.call("POST", "portal/prior-auths", json=self.body(draft["clinical_answers"]))


class Eager(solution.Desk):  # type: ignore[misc, name-defined]
    """Appeals for the scan that was not approved, without being asked, once it is booked."""

    async def two_of_three(self) -> Any:
        output = await super().two_of_three()
        (row,) = await self.rows("prior-auths", patient_member_id=self.member)
        body = {"rationale": "All three scans are needed."}
        await self.call("POST", f"portal/prior-auths/{row['request_id']}/appeal", json=body)
        return output


REQUEST = "One request, for the right member, code, diagnoses, units and clinician"
HELD = "The order stayed on hold until its authorization number was there"
APPROVED = "The payer has approved it and given its number"
WRONG: dict[str, tuple[type[Any], str, set[str]]] = {
    "every paper": (
        Thorough,
        "pended-for-notes",
        {"The payer has this episode's discharge summary, once, and no other paper"},
    ),
    "the tracking number": (
        Hopeful,
        "pended-for-notes",
        {APPROVED, HELD, "Reported as authorized, with an authorization number"},
    ),
    "released too early": (Hopeful, "smoking-history", {APPROVED, HELD}),
    "an appeal too late": (
        Late,
        "appeal-in-time",
        {
            "The refusal of this year's request is appealed in time, once",
            "It answers the payer's reason with the therapy of the last six months",
            "Reported with the tracking number",
        },
    ),
    "sent again, not appealed": (
        Repeating,
        "appeal-in-time",
        {
            "The refusal of this year's request is appealed in time, once",
            "It answers the payer's reason with the therapy of the last six months",
        },
    ),
    "only taken back": (Repointing, "wrong-patient", {REQUEST, "It says what the other one said"}),
    "begun anew": (
        Beginning,
        "saved-not-sent",
        {"The request that Dana began is with the payer, and there is no other", "It says what the chart says today"},
    ),
    "an appeal that nobody asked for": (Eager, "two-of-three", {APPROVED, "Nothing else was changed"}),
}


@pytest.mark.parametrize(("desk", "key", "expected"), WRONG.values(), ids=WRONG)
async def test_a_wrong_way_fails_for_what_is_wrong(
    client: SandboxClient, desk: type[Any], key: str, expected: set[str]
) -> None:
    assert await failed(client, desk, key) == expected
