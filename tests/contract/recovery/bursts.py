"""Writers on four surfaces that go on until the server is gone, and what they were told is there."""

import asyncio
from typing import Any

import aiohttp


class Burst:
    """Writers on four surfaces that go on until the server is gone; keeps what was acknowledged."""

    def __init__(self, run: Any, kit: Any, enough: int) -> None:
        self.run, self.kit, self.enough = run, kit, enough
        self.acknowledged: list[tuple[str, int, Any]] = []
        self.is_enough = asyncio.Event()

    async def write(self, surface: str, number: int) -> Any:
        if surface == "files":
            return await self.run.call("PUT", f"files/outbox/{number}.bin", body=self.content(number))
        if surface == "hl7":
            payload = self.kit.adt.format(control=f"C{number}", family=f"F{number}")
            return await self.run.call("POST", "hl7/outbound", json={"payload": payload})
        if surface == "portal":
            body = {**self.kit.prior_auth, "notes": f"note {number}"}
            return await self.run.call("POST", "portal/prior-auths", json=body)
        patient = {"resourceType": "Patient", "name": [{"family": f"F{number}"}]}
        return await self.run.call("POST", "fhir/Patient", json=patient)

    @staticmethod
    def content(number: int) -> bytes:
        return bytes([number % 256, 0, 255]) * (number % 50 + 1)

    async def writer(self, surface: str, first: int) -> None:
        number = first
        while True:
            try:
                answer = await self.write(surface, number)
            except aiohttp.ClientError:
                return
            assert answer.status in (200, 201), answer
            self.acknowledged.append((surface, number, answer))
            if len(self.acknowledged) >= self.enough:
                self.is_enough.set()
            number += 100

    async def check(self) -> None:
        """Read everything that was acknowledged."""
        sent = {m["id"]: m for m in (await self.run.call("GET", "hl7/outbound")).json}
        await asyncio.gather(*(self._check(sent, *written) for written in self.acknowledged))

    async def _check(self, sent: dict[str, Any], surface: str, number: int, answer: Any) -> None:
        run = self.run
        if surface == "files":
            assert (await run.call("GET", f"files/outbox/{number}.bin")).body == self.content(number)
        elif surface == "hl7":
            payload = self.kit.adt.format(control=f"C{number}", family=f"F{number}")
            assert sent[answer.json["id"]]["payload"] == payload
            assert sent[answer.json["id"]]["ack"] == answer.json["ack"]
        elif surface == "portal":
            assert (await run.call("GET", f"portal/prior-auths/{answer.json['request_id']}")).body == answer.body
        else:
            assert (await run.call("GET", f"fhir/Patient/{answer.json['id']}")).body == answer.body
