"""`Composition/[id]/$document`: a composition and all it refers to, as a document (R4, Composition-document)."""

from typing import Final

from sandbox import jsonio, limits
from sandbox.clock import format_instant
from sandbox.errors import Invalid, Unprocessable
from sandbox.ids import derived_id
from sandbox.jsonio import Json
from sandbox.r4.validation.literals import parse_literal
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.operations.params import Inputs, inputs_of
from sandbox.simulators.fhir.operations.references import references_of
from sandbox.simulators.fhir.rest.calls import Answer, Call, answer_json
from sandbox.simulators.fhir.terms.names import collection_of

_IDENTIFIER_SYSTEM: Final = "urn:ietf:rfc:3986"


def run(call: Call) -> Answer:
    """Return the document Bundle; `persist=true` stores it as a Bundle too."""
    inputs = inputs_of(call)
    inputs.refuse_unknown(frozenset({"id", "persist", "graph"}), "$document")
    if inputs.one("graph") is not None:
        raise Invalid("$document does not support graph.", issue_type="not-supported", expression="http.graph")
    composition_id = call.path[1] if len(call.path) == 3 else _composition_id(call, inputs)
    is_kept = inputs.flag("persist")
    stored = state.read(call.tx.branch, "Composition", composition_id)
    entries, missing = _collect(call, stored.value)
    if missing:
        raise Unprocessable(
            f"The document is incomplete: {', '.join(missing)} cannot be found here.", issue_type="not-found"
        )
    digest = derived_id("", "document", stored.reference, stored.version)
    bundle: Json = {
        "resourceType": "Bundle",
        "identifier": {"system": _IDENTIFIER_SYSTEM, "value": f"urn:document:{digest}"},
        "type": "document",
        "timestamp": format_instant(call.tx.now),
        "entry": entries,
    }
    if is_kept:
        kept = state.store(call.tx, jsonio.parse(jsonio.dump(bundle)), call.tx.new_id(), "POST")
        location = f"{call.base}/Bundle/{kept.id}"
        return Answer(200, kept.json, kept.version, kept.last_updated, headers={"Location": location})
    return answer_json(bundle)


def _composition_id(call: Call, inputs: Inputs) -> str:
    """Return the id that `id` gives, which is an id or the URL of a Composition here."""
    given = str(inputs.one("id") or "")
    if not given:
        raise Invalid(
            "$document at type level needs the id of a Composition.", issue_type="required", expression="http.id"
        )
    literal = parse_literal(given)
    if literal is None:
        return given
    if literal.base not in ("", call.base) or literal.type != "Composition":
        message = f'"{given}" is not a Composition of this server.'
        raise Invalid(message, issue_type="not-supported", expression="http.id")
    return literal.id


def _collect(call: Call, composition: Json) -> tuple[list[Json], list[str]]:
    """Return the composition and, in order of mention, all that it refers to; and what cannot be found."""
    entries = [_entry(call, "Composition", composition["id"], jsonio.dump(composition))]
    seen = {("Composition", composition["id"])}
    missing = []
    waiting = list(references_of(composition, call.base))
    while waiting:
        literal = waiting.pop(0)
        key = (literal.type, literal.id)
        if key in seen:
            continue
        seen.add(key)
        document = call.tx.branch.get_document(collection_of(literal.type), literal.id)
        if document is None:
            missing.append(f"{literal.type}/{literal.id}")
            continue
        entries.append(_entry(call, literal.type, literal.id, document.json))
        if len(entries) > limits.BUNDLE_ENTRIES:
            raise Unprocessable(f"The document has more than {limits.BUNDLE_ENTRIES} entries.", issue_type="too-costly")
    return entries, missing


def _entry(call: Call, resource_type: str, resource_id: str, text: bytes) -> Json:
    return {"fullUrl": f"{call.base}/{resource_type}/{resource_id}", "resource": jsonio.fragment(text)}
