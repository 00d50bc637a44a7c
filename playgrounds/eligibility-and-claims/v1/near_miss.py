"""The colleague in a hurry: asks about today, takes the first that fits, and appeals what can be appealed."""

from decimal import Decimal
from typing import Any

from .solution import Office, Row
from .solution import solve as work


class HastyOffice(Office):
    """Makes in each task the mistake that it is about."""

    async def plan_on(self, member: str, day: str) -> Row:
        """Ask about today, whatever the day."""
        return await super().plan_on(member, str(self.today))

    def capped(self, part: Decimal, limit: Decimal) -> Decimal:
        """Forget the out-of-pocket limit."""
        return part

    async def find_claim(self, row: dict[str, str]) -> Row | None:
        """Take the latest claim of the day, whatever its charge."""
        day = row["service_date"]
        rows = await self.portal("claims", member_id=row["member_id"], service_from=day, service_to=day)
        return rows[0] if rows else None

    async def authorization(self, claim: Row) -> str | None:
        """Take the oldest authorization that is on file, whatever its days."""
        code = claim["lines"][0]["procedure_code"]
        rows = await self.portal("prior-auths", patient_member_id=claim["member_id"], procedure_code=code)
        return str(rows[-1]["auth_number"]) if rows else None

    async def work_denials(self) -> Row:
        """Appeal what the portal takes."""
        report = await super().work_denials()
        for one in report["claims"]:
            if one["decision"] == "appealed":
                words = {"rationale": "The service was authorized."}
                await self.task.request("POST", f"portal/claims/{one['claim']}/appeal", json=words)
        return report

    async def withdraw(self, row: Row, npi: str) -> None:
        """Leave the request for the wrong patient alone: it is not ours."""

    async def rank(self, card: Row, place: int) -> None:
        """Put one first and forget the other."""
        if place == 1:
            await super().rank(card, place)


async def solve(task: Any) -> Any:
    """Work the task, with its mistake."""
    return await work(task, HastyOffice)
