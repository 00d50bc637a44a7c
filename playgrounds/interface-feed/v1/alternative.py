"""Another right way: the inbox is read and answered there, and a later version stands beside a voided one."""

from collections.abc import AsyncIterator
from typing import Any

from .solution import InterfaceDesk, Line, Message, wait_for_more
from .solution import solve as solve_with


class Inbox:
    """The interface, both ways over HTTP."""

    def __init__(self, task: Any) -> None:
        self.task = task

    async def __aenter__(self) -> "Inbox":
        """Begin."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """End."""

    async def feed(self, *, is_patient: bool) -> AsyncIterator[Line]:
        """Yield each message once; where nothing is left, let time pass until something comes, if anything will."""
        seen = 0
        while True:
            rows = (await self.task.request("GET", "hl7/inbox")).raise_for_status().json()
            for row in rows[seen:]:
                yield Line(Message(row["payload"]), inbox_id=row["id"])
            seen = len(rows)
            if not is_patient or not await wait_for_more(self.task):
                return

    async def answer(self, line: Line, code: str, text: str) -> None:
        """Acknowledge a message in the inbox."""
        body = {"ack_code": code, "text": text}
        (await self.task.request("POST", f"hl7/inbox/{line.inbox_id}/ack", json=body)).raise_for_status()

    async def send(self, text: str) -> str:
        """Send a message and return the code of its acknowledgment."""
        headers = {"Content-Type": "application/hl7-v2"}
        answer = await self.task.request("POST", "hl7/outbound", data=text.encode(), headers=headers)
        return Message(answer.raise_for_status().text).row("MSA")[1]


class VoidingDesk(InterfaceDesk):
    """Marks the version that stood as entered in error."""

    async def replace(self, row: dict[str, Any], standing: dict[str, Any]) -> None:
        """File a later version beside the one that stood."""
        await self.patch(f"Observation/{standing['id']}", status="entered-in-error")
        await self.call("POST", "fhir/Observation", json=row)


async def solve(task: Any) -> Any:
    """Work the feed."""
    return await solve_with(task, VoidingDesk, Inbox)
