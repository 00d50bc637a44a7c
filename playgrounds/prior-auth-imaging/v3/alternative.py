"""The other right way: drafts, papers within a change, patches, looks in lists, and other words."""

import base64
import json
from typing import Any

from .solution import Desk, Row
from .solution import solve as solve_with

PATCH = {"Content-Type": "application/json-patch+json"}


class CarefulDesk(Desk):
    """Saves, looks it over, sends; sees in a list what has become of it."""

    async def send(self) -> Row:
        """Save a draft, add the answers, send it."""
        asked = (await self.rows("questions", procedure_code=self.code))[0]["questions"]
        draft = {**self.body({}), "draft": True, "notes": f"Order {self.item['order']}."}
        path = f"portal/prior-auths/{(await self.call('POST', 'portal/prior-auths', json=draft))['request_id']}"
        await self.call("PATCH", path, json={"clinical_answers": self.answers(asked)})
        return dict(await self.call("POST", f"{path}/submit"))

    async def until(self, row: Row, *names: str) -> Row:
        """Wait some minutes, and look into the list."""
        for _ in range(3):
            await self.task.advance_clock(120)
            rows = await self.rows("prior-auths", patient_member_id=self.member)
            found = next(r for r in rows if r["request_id"] == row["request_id"])
            if all(found[name] is not None for name in names):
                return found
        raise LookupError(f"{row['request_id']} has no {names}")

    async def hand_in(self, row: Row, entry: Row) -> None:
        """Send the paper within a change of the request, with a word."""
        content = (await self.task.request("GET", f"files/{entry['path']}")).raise_for_status().body
        paper = {"filename": "therapy.pdf", "content_type": "application/pdf"}
        paper["content_base64"] = base64.b64encode(content).decode()
        body = {"notes": "The discharge summary is attached.", "attachments": [paper]}
        await self.call("PATCH", f"portal/prior-auths/{row['request_id']}", json=body)

    async def release(self) -> None:
        """Make the order active by a patch."""
        steps = json.dumps([{"op": "replace", "path": "/status", "value": "active"}]).encode()
        await self.call("PATCH", f"fhir/ServiceRequest/{self.order['id']}", data=steps, headers=PATCH)

    async def on_file_already(self) -> Row:
        """Send it without looking; the portal names what is on file."""
        await self.open_order()
        answers = self.answers((await self.requirements())["questions"])
        refused = await self.task.request("POST", "portal/prior-auths", json=self.body(answers))
        if refused.status != 409:
            raise LookupError("nothing was on file")
        return await super().on_file_already()

    async def take_back(self, row: Row) -> None:
        """Withdraw by the number."""
        path = f"portal/prior-auths/{row['tracking_number'].lower()}/withdraw"
        await self.call("POST", path, json={"reason": "This is the other Marcus Bell's."})

    async def correct(self, row: Row, weeks: int) -> None:
        """Give all answers again, and say so in a note."""
        answers = {**row["clinical_answers"], "weeks_of_therapy": weeks}
        body = {"clinical_answers": answers, "notes": "Corrected: 8 weeks, not 80."}
        await self.call("PATCH", f"portal/prior-auths/{row['request_id']}", json=body)

    def rationale(self, row: Row) -> str:
        """Say the same in other words."""
        return (
            "Mrs. Whitlock completed eight weeks of physiotherapy between March 23 and May 15, 2026, supervised and "
            "within the last six months, and is no better. An earlier course, four weeks in 2025, does not matter."
        )

    def points(self) -> tuple[str, str]:
        """Answer in other words."""
        return (
            "On June 3 he noticed that the foot drops: a right-sided foot-drop, dorsiflexion 3 out of 5.",
            "3 weeks of therapy, supervised, until the weakness came.",
        )

    async def finish(self, path: str) -> None:
        """Look at it again, then send it."""
        await self.call("GET", path)
        await super().finish(path)

    async def not_needed(self) -> Row:
        """Ask, and be told that none is needed."""
        await self.open_order()
        refused = await self.task.request("POST", "portal/prior-auths", json=self.body({}))
        if "needs no authorization" not in refused.text:
            raise LookupError(refused.text)
        await self.release()
        return self.report("not required")

    async def another_payer(self) -> Row:
        """Save a draft, be stopped, hand over."""
        await self.open_order()
        draft = await self.call("POST", "portal/prior-auths", json={**self.body({}), "draft": True})
        stopped = await self.task.request("POST", f"portal/prior-auths/{draft['request_id']}/submit")
        if "Beacon" not in stopped.text:
            raise LookupError(stopped.text)
        return await super().another_payer()

    async def status(self, words: str) -> list[Row]:
        """Look it up as who has logged in."""
        found = await super().status(words)
        numbers = {row["tracking_number"] for row in found}
        rows = await self.rows("prior-auths")
        return [
            {**row, "determination": row["determination"]["status"], "due_at": (row["wanted"] or {}).get("due_at")}
            for row in rows
            if row["tracking_number"] in numbers and numbers
        ]


async def solve(task: Any) -> Any:
    """Settle the task."""
    return await solve_with(task, CarefulDesk)
