"""Careless colleagues: each does a task well but for the one mistake that the task is about."""

from typing import Any

from .solution import MRN, InterfaceDesk, Message
from .solution import solve as solve_with


class ArrivalDesk(InterfaceDesk):
    """Takes what arrives last for what was reported last."""

    def is_news(self, row: dict[str, Any], standing: dict[str, Any]) -> bool:
        """Believe the order of arrival."""
        return True


class EarlyDesk(InterfaceDesk):
    """Goes home when the inbox is empty."""

    is_patient = False


class ForgetfulDesk(InterfaceDesk):
    """Merges the charts, and looks the number up as if nothing had been merged."""

    async def chart(self, record: str) -> dict[str, Any]:
        """Return the chart of a record number."""
        (patient,) = await self.search("Patient", identifier=f"{MRN}|{record}")
        return patient


class ObligingDesk(InterfaceDesk):
    """Takes whatever is about a patient of ours."""

    async def take(self, message: Message) -> tuple[str, str]:
        """Deal with a message as if it were ours."""
        message.facility = "REGMED"
        return await super().take(message)


class TrustingDesk(InterfaceDesk):
    """Sends, and does not look at what comes back."""

    def is_taken(self, code: str) -> bool:
        """Believe that what was sent was taken."""
        return True


MISTAKES: dict[str, type[InterfaceDesk]] = {
    "late-preliminary": ArrivalDesk,
    "corrected-result": EarlyDesk,
    "merged-chart": ForgetfulDesk,
    "another-facility": ObligingDesk,
    "registry-busy": TrustingDesk,
}


async def solve(task: Any) -> Any:
    """Work the feed, with one mistake."""
    return await solve_with(task, MISTAKES[task.key])
