"""The tasks of interface-feed@1 by other ways: what is as the house rules have it passes, what is more fails for it."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.rehearsal.agents import FunctionAgent
from sandbox.rehearsal.runner import Options, rehearse_once
from sandbox.testing.client import SandboxClient
from tests.alone import serving_only
from tests.playgrounds.test_near_misses import Unwatched

FOLDER = Path(__file__).parents[2] / "playgrounds" / "interface-feed" / "v1"


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"interface_feed.{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where the other one, and its dataclasses, look for it
    spec.loader.exec_module(module)
    return module


solution = load("solution")
Inbox = load("alternative").Inbox
MERGED = "The chart that goes is inactive, and says which one replaced it"
MOVED = "Her earlier hemoglobin is in the chart that stays, and is otherwise as it was"
NO_MORE_SENT = "Nothing more was passed on"


class OtherForms(solution.InterfaceDesk):  # type: ignore[misc, name-defined]
    """Writes times with another offset, and says more of a result than it must."""

    def observation(self, message: Any, chart: Any) -> Any:
        row = super().observation(message, chart)
        row["effectiveDateTime"] = row["effectiveDateTime"].replace("T11:", "T07:").replace("Z", "-04:00")
        row["issued"] = row["issued"].replace("Z", ".000+00:00")
        row["identifier"].append({"system": "urn:example:other", "value": "1"})
        return {**row, "note": [{"text": "by interface"}]}

    def is_news(self, row: Any, standing: Any) -> bool:
        return bool(row["status"] != "preliminary")


class AmendedWhole(solution.InterfaceDesk):  # type: ignore[misc, name-defined]
    """Replaces a result whole, as amended."""

    async def replace(self, row: Any, standing: Any) -> None:
        path = f"fhir/Observation/{standing['id']}"
        changed = {name: row[name] for name in ("issued", "valueQuantity")}
        await self.call("PUT", path, json={**await self.call("GET", path), **changed, "status": "amended"})


class Deleting(solution.InterfaceDesk):  # type: ignore[misc, name-defined]
    """Files a slip of the pen first, and deletes it."""

    async def file(self, message: Any) -> bool:
        row = self.observation(message, await self.chart(message.patient))
        slip = {**row, "valueQuantity": {**row["valueQuantity"], "value": 99}}
        made = await self.call("POST", "fhir/Observation", json=slip)
        (await self.task.request("DELETE", f"fhir/Observation/{made['id']}")).raise_for_status()
        return bool(await super().file(message))


class MergesWhole(solution.InterfaceDesk):  # type: ignore[misc, name-defined]
    """Replaces what a merge touches whole."""

    kept: tuple[str, ...] = ()

    async def merge(self, message: Any) -> None:
        (stays,) = await self.search("Patient", identifier=f"{solution.MRN}|{message.patient}")
        number = message.row("MRG")[1].split("^")[0]
        (goes,) = await self.search("Patient", identifier=f"{solution.MRN}|{number}")
        target = {"reference": f"Patient/{stays['id']}", "display": "Laura Schmidt"}
        for row in await self.search("Observation", patient=f"Patient/{goes['id']}"):
            await self.call("PUT", f"fhir/Observation/{row['id']}", json={**self.less(row), "subject": target})
        closed = {**self.less(goes), "active": False, "link": [{"other": target, "type": "replaced-by"}]}
        await self.call("PUT", f"fhir/Patient/{goes['id']}", json=closed)

    def less(self, row: Any) -> Any:
        return row


class Dropping(MergesWhole):
    """Loses what it does not know."""

    def less(self, row: Any) -> Any:
        return {name: value for name, value in row.items() if name not in ("gender", "category")}


class PassesMergeOn(solution.InterfaceDesk):  # type: ignore[misc, name-defined]
    """Tells the registry of the merge as well."""

    async def merge(self, message: Any) -> None:
        await super().merge(message)
        text = message.text.replace("\n", "\r").replace("LGADT|LAKESIDE|RCEHR|REGMED", "RCEHR|REGMED|REGISTRY|STATEHD")
        assert await self.wire.send(text) == "AA"


WAYS: dict[str, tuple[str, type[Any], set[str]]] = {
    "times of another zone": ("late-preliminary", OtherForms, set()),
    "a slip deleted": ("late-preliminary", Deleting, set()),
    "amended whole": ("corrected-result", AmendedWhole, set()),
    "merged whole": ("merged-chart", MergesWhole, set()),
    "fields lost in a merge": ("merged-chart", Dropping, {MERGED, MOVED}),
    "a merge passed on": ("merged-chart", PassesMergeOn, {NO_MORE_SENT}),
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[SandboxClient]:
    async with serving_only(tmp_path, "interface-feed@1") as connected:
        yield connected


@pytest.mark.parametrize("way", WAYS)
async def test_a_way_passes_or_fails_for_what_is_wrong(client: SandboxClient, way: str) -> None:
    key, desk, expected = WAYS[way]

    async def solve(task: Any) -> Any:
        return await solution.solve(task, desk, Inbox)

    agent = FunctionAgent("feed", solve)
    result = await rehearse_once(client, "interface-feed@1", agent, Options(task_keys=(key,)), Unwatched())
    (task,) = result.task_runs
    seen = {c.label for c in task.checks if not c.passed and "requires_unmet" not in (c.evidence or {})}
    assert seen == expected, task.explain()
    assert task.is_pass == (not expected)
