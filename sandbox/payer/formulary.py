"""The drugs of the formulary by their codes: an index of a branch, made anew when a drug changed.

Must not know requests, nor what a drug needs.
"""

from typing import Final

from sandbox.jsonio import Json
from sandbox.payer.identifiers import normal_of
from sandbox.playground.branch import Branch
from sandbox.playground.playground import Interaction

FORMULARY: Final = "portal/formulary"
_CACHE: Final = "payer/drugs"


class _Drugs:
    """The keys of the drugs of one branch by HCPCS and National Drug Code, as they are compared."""

    __slots__ = ("keys", "position")

    def __init__(self, branch: Branch) -> None:
        self.position = len(branch.log)
        self.keys: dict[str, str] = {}
        for key, row in branch.items(FORMULARY):
            for code in codes_of(row):
                self.keys.setdefault(normal_of("procedure_code", code), key)

    def is_of(self, branch: Branch) -> bool:
        """Whether no drug changed since it was made."""
        if self.position == len(branch.log):
            return True
        touched, self.position = branch.touched_since(self.position)
        return all(collection != FORMULARY for collection, _ in touched)


def codes_of(drug: Json) -> list[str]:
    """Return the codes under which a drug is requested, the one of a request for it first.

    >>> codes_of({"procedure_code": None, "ndc": "00074-0243-02"})
    ['00074-0243-02']
    """
    return [code for code in (drug["procedure_code"], drug["ndc"]) if code is not None]


def find_drug(tx: Interaction, code: str) -> Json | None:
    """Return the drug that a HCPCS or National Drug Code names, or None; the first of several."""
    branch = tx.branch
    index = branch.caches.get(_CACHE)
    if index is None or not index.is_of(branch):
        index = branch.caches[_CACHE] = _Drugs(branch)
    key = index.keys.get(normal_of("procedure_code", code))
    return None if key is None else tx.get(FORMULARY, key)
