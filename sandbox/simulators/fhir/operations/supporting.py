"""What supports a record: what it refers to, as long as that is not another's (R4, Patient-everything).

A resource is another's when it is in the compartment of another patient, or of another encounter where the record is
an encounter's. One that is in none (an Observation without subject, a Binary) goes along.
"""

from collections.abc import Container
from dataclasses import dataclass, field

from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.r4.validation.literals import Literal, parse_literal
from sandbox.simulators.fhir.operations.references import references_of
from sandbox.simulators.fhir.search import compartments, parameters_of
from sandbox.simulators.fhir.search.terms.paths import Path, read
from sandbox.simulators.fhir.search.types.reference import target_type
from sandbox.simulators.fhir.terms.names import collection_of

Key = tuple[str, str]


@dataclass(slots=True)
class Supporting:
    """Gathers what supports a record.

    `own` are, by compartment, the ids whose the record is; `members` is what is in the record itself.
    """

    branch: Branch
    base: str
    own: dict[str, frozenset[str]]
    members: Container[Key]
    found: dict[Key, None] = field(default_factory=dict)

    def follow(self, value: Json) -> None:
        """Note what a resource of the record refers to, and what that refers to in turn."""
        waiting = list(self._references(value))
        while waiting:
            literal = waiting.pop()
            key = literal.type, literal.id
            if key in self.members or key in self.found:
                continue
            document = self.branch.get_document(collection_of(literal.type), literal.id)
            if document is None or self._is_anothers(key, document.value):
                continue
            self.found[key] = None
            waiting += self._references(document.value)

    def _references(self, value: Json) -> list[Literal]:
        return list(references_of(value, self.base, with_attachments=True))

    def _is_anothers(self, key: Key, value: Json) -> bool:
        resource_type, resource_id = key
        if resource_type in self.own:
            return resource_id not in self.own[resource_type]
        if resource_type == "Binary":  # it has the access that its security context has
            return any(self._is_guarded(literal) for literal in references_of(value, self.base))
        return any(self._is_of_another(kind, resource_type, value) for kind in self.own)

    def _is_guarded(self, literal: Literal) -> bool:
        document = self.branch.get_document(collection_of(literal.type), literal.id)
        if literal.type == "Binary" or (literal.type, literal.id) in self.members:
            return False
        return self._is_anothers((literal.type, literal.id), document.value if document is not None else {})

    def _is_of_another(self, kind: str, resource_type: str, value: Json) -> bool:
        """Whether a resource is in a compartment of a kind, but in none of the record's own."""
        known = parameters_of(resource_type)
        codes = compartments()[kind].get(resource_type, ())
        is_anothers = False
        for code in codes:
            for path in known[code].paths if code in known else ():
                for raw in read(value, path.steps) if path.type == "Reference" else ():
                    whose = self._whose(kind, resource_type, path, raw, value)
                    if whose is not None and whose in self.own[kind]:
                        return False
                    is_anothers = is_anothers or whose is not None
        return is_anothers

    def _whose(self, kind: str, resource_type: str, path: Path, raw: Json, value: Json) -> str | None:
        """Return the id of the one of a kind that a Reference names, empty for one elsewhere, None for no such."""
        if not isinstance(raw, dict):
            return None
        text = raw.get("reference")
        literal = parse_literal(text) if isinstance(text, str) else None
        if literal is not None and literal.type == kind and literal.base in ("", self.base):
            return literal.id
        named = target_type(raw, value)
        if named is not None:
            return "" if named == kind else None
        # Nothing says what it is; where only such a one is expected, whoever is named by an identifier is one.
        about = parameters_of(resource_type).get(kind.lower())
        is_about = about is not None and any(path.steps == other.steps for other in about.paths)
        return "" if is_about and ("identifier" in raw or isinstance(text, str)) else None
