"""Whom a clearinghouse's requests are about: in JSON a chart's id stands for the person, beside what a card says."""

from dataclasses import replace

from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.simulators.leaves import Form, Person, Sent

_CHART = "patient_id"


class X12Form(Form):
    """Bodies of plain JSON, and interchanges as they are."""

    def owner(self, sent: Sent, branch: Branch) -> str | None:
        """Return the reference of the chart that a body names."""
        named = _named(sent.body)
        return None if named is None else f"Patient/{named}"

    def retargeted(self, sent: Sent, branch: Branch, one: Person, other: Person) -> Sent:
        """Return the request about the other person's chart, where it names the one's."""
        if other.reference is None or one.reference is None or self.owner(sent, branch) != one.reference:
            return sent
        return replace(sent, body={**sent.body, _CHART: other.reference.removeprefix("Patient/")})


def _named(body: Json) -> str | None:
    named = body.get(_CHART) if isinstance(body, dict) else None
    return named.removeprefix("Patient/") if isinstance(named, str) else None
