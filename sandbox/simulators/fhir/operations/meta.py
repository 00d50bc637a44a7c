"""`$meta`, `$meta-add`, `$meta-delete`: profiles, tags and security labels (R4, Resource operations).

Adding and deleting change the stored resource and make a new version, so that they are part of its
history.
"""

from typing import Any, Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.operations.params import Inputs, inputs_of, parameters
from sandbox.simulators.fhir.rest.calls import Answer, Call, answer_json
from sandbox.simulators.fhir.terms.names import collection_of

_LISTS: Final = ("profile", "security", "tag")


def _identity(item: Any) -> Any:
    return (item.get("system"), item.get("code")) if isinstance(item, dict) else item


def read(call: Call) -> Answer:
    """Return the meta of a resource, or all profiles, tags and labels of a type or the system."""
    inputs_of(call).refuse_unknown(frozenset(), "$meta")
    branch = call.tx.branch
    if len(call.path) == 3:
        value = state.get(branch, call.path[0], call.path[1]).value
        return answer_json(parameters(return__valueMeta=value["meta"]))
    if len(call.path) == 2:
        collections = [collection_of(call.path[0])]
    else:
        names = branch.collections("fhir/")
        collections = [name for name in names if name.removeprefix("fhir/") in resource_types()]
    found: dict[str, dict[Any, Json]] = {name: {} for name in _LISTS}
    for collection in collections:
        for _, value in branch.items(collection):
            for name in _LISTS:
                for item in value["meta"].get(name, ()):
                    found[name].setdefault(_identity(item), item)
    meta = {name: list(rows.values()) for name, rows in found.items() if rows}
    if not meta:
        return answer_json({"resourceType": "Parameters"})
    return answer_json(parameters(return__valueMeta=meta))


def _given(inputs: Inputs, operation: str) -> Json:
    inputs.refuse_unknown(frozenset({"meta"}), operation)
    meta = inputs.one("meta")
    if not isinstance(meta, dict):
        raise Invalid(f"{operation} needs the parameter meta (valueMeta).", issue_type="required")
    return meta


def add(call: Call) -> Answer:
    """Add profiles, tags and labels; what is there already stays once."""
    given = _given(inputs_of(call), "$meta-add")

    def merge(held: list[Json], more: list[Json]) -> list[Json]:
        known = {_identity(item) for item in held}
        return held + [item for item in more if _identity(item) not in known]

    return _change(call, given, merge)


def delete(call: Call) -> Answer:
    """Remove profiles, tags and labels; what is not there is no error."""
    given = _given(inputs_of(call), "$meta-delete")

    def remove(held: list[Json], less: list[Json]) -> list[Json]:
        gone = {_identity(item) for item in less}
        return [item for item in held if _identity(item) not in gone]

    return _change(call, given, remove)


def _change(call: Call, given: Json, combine: Any) -> Answer:
    resource_type, resource_id = call.path[:2]
    value = state.get(call.tx.branch, resource_type, resource_id).value
    meta = dict(value["meta"])
    for name in _LISTS:
        if name in given:
            meta[name] = combine(meta.get(name, []), given[name])
            if not meta[name]:
                del meta[name]
    if meta != value["meta"]:
        stored = state.store(call.tx, {**value, "meta": meta}, resource_id, "PUT")
        meta = stored.value["meta"]
    return answer_json(parameters(return__valueMeta=meta))
