"""`state-unchanged` (extension): the agent damaged nothing on the side.

Compares the final state with the state at the start of the task run. What the scenario or a delay
changed is not the agent's doing, as long as the agent did not touch it. Collections whose name has
a part that begins with `_`, and those a simulator declares as bookkeeping, are not looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from pydantic import Field

from sandbox.definitions.assertions import Assertion
from sandbox.errors import Invalid
from sandbox.globs import compile_glob, could_match, glob_matcher
from sandbox.jsonio import Json
from sandbox.playground.branch import Document
from sandbox.scoring.evidence import document_evidence
from sandbox.scoring.states.changes import expected_branch, is_bookkeeping
from sandbox.simulators.base import Check, Selection, Subject, View
from sandbox.simulators.fhir.terms.server_meta import without_server_meta
from sandbox.simulators.vocabulary import Finding, Surface, Surroundings
from sandbox.suggest import did_you_mean

CHANGES_SHOWN_MAX: Final = 20
_FHIR: Final = "fhir/"


class StateUnchangedAssertion(Assertion):
    """Where nothing may change (everywhere when no surface is named), and the exceptions.

    An exception is a glob over `collection/key`: `fhir/Appointment/*`, `files/**`. One in
    `except_created` only allows what was not there before: what was may not change.
    """

    absent: ClassVar[bool] = True

    surfaces: list[str] = Field(default_factory=list)
    exceptions: list[str] = Field(default_factory=list, alias="except")
    except_created: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Unexpected:
    collection: str
    key: str
    before: Document | None
    after: Document | None

    @property
    def label(self) -> str:
        if self.before is None:
            return f"{self.collection}/{self.key} created"
        return f"{self.collection}/{self.key} {'deleted' if self.after is None else 'changed'}"

    def to_json(self) -> Json:
        return {
            "collection": self.collection,
            "key": self.key,
            "before": document_evidence(self.before),
            "after": document_evidence(self.after),
        }


def state_unchanged(bookkeeping: frozenset[str]) -> Check:
    """Make the check; `bookkeeping` names collections that record work rather than hold state."""
    return Check(
        "state-unchanged",
        StateUnchangedAssertion,
        partial(select_changes, bookkeeping),
        matched_key="unexpected_changes",
        is_upstream=False,
        inspect=inspect,
    )


def select_changes(bookkeeping: frozenset[str], assertion: StateUnchangedAssertion, view: View) -> Selection:
    """Select what changed and should not have, by collection and key.

    Raises `Invalid` for a surface that the environment does not have.
    """
    there_are = {sandbox.surface for sandbox in view.sandboxes}
    for surface in assertion.surfaces:
        if surface not in there_are:
            known = ", ".join(sorted(there_are)) or "none"
            raise Invalid(f'the environment has no surface "{surface}"; there are {known}')
    is_excepted = glob_matcher(assertion.exceptions)
    may_be_created = glob_matcher(assertion.except_created)
    found = []
    for difference in view.branch.diff(expected_branch(view)):
        collection, key, before = difference.collection, difference.key, difference.before
        if assertion.surfaces and collection.partition("/")[0] not in assertion.surfaces:
            continue
        if is_bookkeeping(collection, bookkeeping) or is_excepted(f"{collection}/{key}"):
            continue
        if before is None and may_be_created(f"{collection}/{key}"):
            continue
        if not _is_same(collection, before, difference.after):
            found.append(_Unexpected(collection, key, before, difference.after))
    subjects = tuple(Subject(change.label) for change in found)
    shown = [change.to_json() for change in found[:CHANGES_SHOWN_MAX]]
    return Selection("unexpected change", subjects, {"unexpected_changes": shown})


def inspect(assertion: StateUnchangedAssertion, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield surfaces that the environment lacks, and exceptions that no document can fall under."""
    surfaces = surroundings.surfaces
    for index, name in enumerate(assertion.surfaces):
        if name not in surfaces:
            yield ("surfaces", index), f'the environment has no surface "{name}"{did_you_mean(name, surfaces)}'
    for key, globs in (("except", assertion.exceptions), ("except_created", assertion.except_created)):
        for index, glob in enumerate(globs):
            problem = find_glob_problem(glob, surfaces, assertion.surfaces)
            if problem is not None:
                yield (key, index), problem


def find_glob_problem(glob: str, surfaces: Mapping[str, Surface], looked_at: Sequence[str]) -> str | None:
    """Return why no document falls under a glob over `collection/key`, None when one can."""
    if glob.startswith("/"):
        return f"globs are over collection/key; write {glob.lstrip('/')}"
    first = glob.partition("/")[0]
    meant = [name for name in surfaces if first == "**" or compile_glob(first).full_match(name)]
    if not meant:
        return f'the environment has no surface "{first}"{did_you_mean(first, surfaces)}'
    collections = sorted(name for surface in meant for name in surfaces[surface].collections)
    if collections and not any(could_match(glob, f"{collection}/{{key:.*}}") for collection in collections):
        named = "/".join(glob.split("/")[:2])
        return f"no collection is called {named}{did_you_mean(named, collections)}"
    if looked_at and not set(meant) & set(looked_at):
        return f"{glob} is an exception where nothing is looked at: surfaces are {', '.join(looked_at)}"
    return None


def _is_same(collection: str, before: Document | None, after: Document | None) -> bool:
    if before is None or after is None:
        return before is after
    if before.digest == after.digest:
        return True
    if not collection.startswith(_FHIR) or before.is_binary or after.is_binary:
        return False
    return Document(without_server_meta(before.value)).digest == Document(without_server_meta(after.value)).digest
