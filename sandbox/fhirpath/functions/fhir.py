"""What FHIR adds to FHIRPath (R4, FHIRPath, "Additional functions")."""

from typing import Final

from sandbox.fhirpath import ast
from sandbox.fhirpath.code import BOOLEAN, STRING, StepCode
from sandbox.fhirpath.context import Apply, Env
from sandbox.fhirpath.errors import SemanticProblem
from sandbox.fhirpath.functions.call import Call, Entry, of_value, plain
from sandbox.fhirpath.nodes import Item, Node, is_primitive, root_of, step_into, system_of
from sandbox.r4.model import is_a, resource_types

_STRUCTURES: Final = "http://hl7.org/fhir/StructureDefinition/"


def _extension(call: Call) -> StepCode:
    url = call.argument(0)

    def run(env: Env, focus: list[Item]) -> list[Item]:
        wanted = call.single(url, env, str, "a URL")
        if wanted is None:
            return []
        out: list[Item] = []
        for item in focus:
            if isinstance(item, Node):
                step_into(item, "extension", out)
        env.context.spend(len(focus) + len(out))
        return [e for e in out if isinstance(e.value, dict) and e.value.get("url") == wanted]

    return StepCode(run, frozenset({"Extension"}))


def _has_value(env: Env, focus: list[Item]) -> list[Item]:
    if len(focus) != 1:
        return [False]
    item = focus[0]
    return [not isinstance(item, Node) or (is_primitive(item) and item.value is not None)]


def _get_value(env: Env, focus: list[Item]) -> list[Item]:
    if len(focus) != 1 or not _has_value(env, focus)[0]:
        return []
    return [system_of(focus[0])]


def _reference_of(item: Item) -> str | None:
    value = item.value if isinstance(item, Node) else item
    if isinstance(value, dict):
        value = value.get("reference")
    return value if isinstance(value, str) else None


def _resolve(call: Call) -> Apply:
    def run(env: Env, focus: list[Item]) -> list[Item]:
        out: list[Item] = []
        for item in focus:
            reference = _reference_of(item)
            if reference is None:
                continue
            env.context.spend(10)
            found = _inside(reference, item, env) if isinstance(item, Node) else None
            if found is not None:
                out.append(found)
                continue
            resource = env.context.resolve(reference)
            if isinstance(resource, dict):
                out.append(root_of(resource))
        return out

    return run


def _inside(reference: str, item: Node, env: Env) -> Node | None:
    """Find a contained resource (`#id`), or an entry of the Bundle that the reference stands in."""
    place: Node | None = item
    while place is not None:
        value = place.value
        if reference.startswith("#") and isinstance(value, dict) and isinstance(value.get("contained"), list):
            if reference == "#":
                return place
            found: list[Item] = []
            step_into(place, "contained", found)
            for resource in found:
                if isinstance(resource.value, dict) and resource.value.get("id") == reference[1:]:
                    return resource  # type: ignore[no-any-return]
        if place.type == "Bundle" and not reference.startswith("#"):
            entries: list[Item] = []
            step_into(place, "entry", entries)
            env.context.spend(len(entries))
            for entry in entries:
                full_url = entry.value.get("fullUrl") if isinstance(entry.value, dict) else None
                if isinstance(full_url, str) and (full_url == reference or full_url.endswith("/" + reference)):
                    inner: list[Item] = []
                    step_into(entry, "resource", inner)
                    if inner:
                        return inner[0]  # type: ignore[no-any-return]
        place = place.parent
    return None


def _member_of(call: Call) -> Apply:
    url = call.argument(0)

    def run(env: Env, focus: list[Item]) -> list[Item]:
        wanted = call.single(url, env, str, "the URL of a value set")
        item = call.one(focus)
        if wanted is None or item is None:
            return []
        answers = [env.context.member_of(wanted, system, code) for system, code in _codes(item)]
        if not answers:
            return [False]
        if any(answer is True for answer in answers):
            return [True]
        if any(answer is None for answer in answers):
            raise call.problem(f"does not know the value set {wanted}")
        return [False]

    return run


def _codes(item: Item) -> list[tuple[str | None, str]]:
    value = item.value if isinstance(item, Node) else item
    if isinstance(value, str):
        return [(None, value)]
    if not isinstance(value, dict):
        return []
    codings = value.get("coding", [value])
    return [(c.get("system"), c["code"]) for c in codings if isinstance(c, dict) and isinstance(c.get("code"), str)]


def _conforms_to(call: Call) -> Apply:
    url = call.argument(0)
    argument = call.step.arguments[0]
    if (
        isinstance(argument, ast.Literal)
        and isinstance(argument.value, str)
        and _type_defined_by(argument.value) is None
    ):
        raise SemanticProblem(f"conformsTo() {_NO_SUCH} {argument.value}", call.step.position)

    def run(env: Env, focus: list[Item]) -> list[Item]:
        wanted = call.single(url, env, str, "the URL of a profile")
        item = call.one(focus)
        if wanted is None or item is None:
            return []
        name = _type_defined_by(wanted)
        if name is None:
            raise call.problem(f"{_NO_SUCH} {wanted}")
        return [isinstance(item, Node) and is_a(item.type, name)]

    return run


_NO_SUCH: Final = "judges R4's own resource types only, and knows no profile"


def _type_defined_by(url: str) -> str | None:
    name = url.removeprefix(_STRUCTURES)
    return name if url.startswith(_STRUCTURES) and name in resource_types() else None


def _html_checks(call: Call) -> Apply:
    def run(env: Env, focus: list[Item]) -> list[Item]:
        item = call.one(focus)
        if item is None:
            return []
        value = item.value if isinstance(item, Node) else item
        if not isinstance(value, str):
            return [False]
        return [env.context.is_html(value)]

    return run


def _refused(name: str, why: str) -> Entry:
    def make(call: Call) -> StepCode:
        raise SemanticProblem(f"{name}() is not served: {why}", call.step.position)

    return Entry(0, 99, make)


def _resource_key(env: Env, focus: list[Item]) -> list[Item]:
    return [
        f"{item.type}/{item.value['id']}"
        for item in focus
        if isinstance(item, Node) and isinstance(item.value, dict) and isinstance(item.value.get("id"), str)
    ]


_NO_PROFILES: Final = "no profiles are loaded here"

ENTRIES: Final[dict[str, Entry]] = {
    "extension": Entry(1, 1, _extension),
    "hasValue": plain(_has_value, BOOLEAN),
    "getValue": plain(_get_value),
    "resolve": of_value(0, 0, _resolve),
    "memberOf": of_value(1, 1, _member_of, BOOLEAN),
    "conformsTo": of_value(1, 1, _conforms_to, BOOLEAN),
    "htmlChecks": of_value(0, 0, _html_checks, BOOLEAN),
    "elementDefinition": _refused("elementDefinition", _NO_PROFILES),
    "slice": _refused("slice", _NO_PROFILES),
    "checkModifiers": _refused("checkModifiers", _NO_PROFILES),
    "subsumes": _refused("subsumes", "no terminology server stands behind it"),
    "subsumedBy": _refused("subsumedBy", "no terminology server stands behind it"),
    "getResourceKey": plain(_resource_key, STRING),
}
