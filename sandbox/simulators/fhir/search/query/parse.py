"""From a parameter's name and value to a criterion: modifiers, chains, `_has`, alternatives.

Everything that cannot be honoured is refused by name; nothing is dropped on the way.
"""

from typing import Final

from sandbox import limits
from sandbox.errors import Invalid
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir.search.query.criteria import (
    AnyOf,
    Chain,
    Criterion,
    HasId,
    IsMissing,
    IsReferredTo,
    Matches,
    types_referred_to,
)
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.search.terms import problems
from sandbox.simulators.fhir.search.terms.definitions import Parameter, compartments, parameters_of
from sandbox.simulators.fhir.search.terms.problems import BadValue, NoSupport
from sandbox.simulators.fhir.search.terms.values import is_well_escaped, split, unescape
from sandbox.simulators.fhir.search.types import Context, search_type_of
from sandbox.simulators.fhir.search.types.reference import ReferenceTerm
from sandbox.suggest import nearest

HAS: Final = "_has"
REFUSED: Final = {
    "_filter": 'The parameter "_filter" is not supported; write the conditions as search parameters.',
    "_query": 'The parameter "_query" is not supported: this server defines no named queries.',
    "_score": 'The parameter "_score" is not supported: results have no score.',
}


class CriteriaParser:
    """Parses the criteria of one search. `store` answers what the values refer to."""

    def __init__(self, store: Store, context: Context) -> None:
        self._store = store
        self._context = context

    def parse(self, resource_type: str, name: str, value: str) -> Criterion:
        """Parse one parameter; raises `Invalid` or `Unsupported` with the name."""
        return self._parse(resource_type, name, value, name, 0)

    def _parse(self, resource_type: str, part: str, value: str, name: str, depth: int) -> Criterion:
        if depth > limits.CHAIN_DEPTH:
            raise problems.invalid(
                name, f'The parameter "{name}" follows more than {limits.CHAIN_DEPTH} references, which is the limit.'
            )
        if part.startswith(HAS + ":"):
            return self._parse_has(resource_type, part, value, name, depth)
        head, dot, rest = part.partition(".")
        code, colon, modifier = head.partition(":")
        parameter = self._parameter(resource_type, code, name)
        if dot:
            return self._parse_chain(parameter, modifier if colon else None, rest, value, name, depth)
        if colon and not modifier:
            raise problems.invalid(name, f'The parameter "{name}" ends with a colon; name a modifier or leave it out.')
        return self._parse_value(parameter, modifier or None, value, name)

    def _parameter(self, resource_type: str, code: str, name: str) -> Parameter:
        known = parameters_of(resource_type)
        parameter = known.get(code)
        if parameter is not None:
            return parameter
        if code == "_list":
            return Parameter(resource_type, "_list", "list", "", "", None, (), ())
        if code in REFUSED:
            raise problems.not_supported(name, REFUSED[code])
        near = nearest(code, known)
        hint = f" Did you mean {near}?" if near is not None else f" It has: {', '.join(known)}."
        where = "" if code == name else f' (in "{name}")'
        raise problems.not_supported(name, f'{resource_type} has no search parameter "{code}"{where}.{hint}')

    # -- values -------------------------------------------------------------------------------

    def _parse_value(self, parameter: Parameter, modifier: str | None, value: str, name: str) -> Criterion:
        if not value:
            raise problems.bad_value(name, value, "is empty; give a value, or use :missing to ask for none")
        if parameter.code == "_list":
            return self._parse_list(parameter.resource_type, modifier, value, name)
        if modifier == "missing":
            if value not in ("true", "false"):
                raise problems.bad_value(name, value, "is neither true nor false")
            return IsMissing(parameter, value == "true")
        kind = search_type_of(parameter)
        if modifier is not None and modifier not in kind.modifiers_of(parameter):
            self._refuse_modifier(parameter, modifier, name)
        if "\\" in value and not is_well_escaped(value):
            raise problems.bad_value(name, value, "has a \\ that escapes nothing; write \\\\ for one that is meant")
        parts = split(value, ",")
        if not all(parts):
            raise problems.bad_value(name, value, "has an empty alternative; write \\, for a comma that is meant")
        if parameter.code == "_id" and modifier is None:
            if any(len(split(part, "|")) > 1 for part in parts):
                raise problems.bad_value(name, value, "has a |, but an id has no system; give the id alone")
            return HasId(frozenset(map(unescape, parts)))
        terms = []
        for part in parts:
            try:
                terms.append(kind.parse(parameter, modifier, part, self._context))
            except BadValue as error:
                raise problems.bad_value(name, part, str(error)) from None
            except NoSupport as error:
                raise problems.not_supported(name, f'The value "{part}" of the parameter "{name}" {error}.') from None
            if parameter.type == "reference" and modifier is None:
                self._refuse_ambiguity(parameter, part, name)
        return Matches(parameter, kind.facet(modifier), tuple(terms), modifier in ("not", "not-in"))

    def _refuse_ambiguity(self, parameter: Parameter, part: str, name: str) -> None:
        """Refuse an id without its type by which references to several types are found (3.1.1.4.12)."""
        if "/" in part or ":" in part:
            return
        narrowed = {path.target or "" for path in parameter.paths}
        targets = parameter.targets if "" in narrowed else tuple(sorted(narrowed))
        if len(targets) < 2:
            return
        self._context.note_store()
        found = types_referred_to(self._store, parameter, targets, part, self._context.base_url)
        if len(found) > 1:
            why = f"is the id of a {' and of a '.join(found)} that are referred to; write Type/id"
            raise problems.bad_value(name, part, why)

    def _refuse_modifier(self, parameter: Parameter, modifier: str, name: str) -> None:
        kind = search_type_of(parameter)
        known = [*sorted(m for m in kind.modifiers_of(parameter) if m[0].islower()), "missing"]
        if parameter.type == "reference":
            known.append("a resource type")
        raise problems.not_supported(
            name,
            f'The modifier ":{modifier}" is not supported on "{parameter.code}", a {parameter.type} parameter '
            f"of {parameter.resource_type}; possible are {', '.join(known)}.",
        )

    def _parse_list(self, resource_type: str, modifier: str | None, value: str, name: str) -> Criterion:
        if modifier is not None:
            raise problems.not_supported(name, f'The modifier ":{modifier}" is not supported on "_list".')
        self._context.note_store()
        found: set[str] = set()
        for part in split(value, ","):
            key = unescape(part).removeprefix(f"{self._context.base_url}/").removeprefix("List/")
            if key.startswith("$"):
                message = (
                    f'The functional list "{key}" of the parameter "_list" is not supported; give the id of a List.'
                )
                raise problems.not_supported(name, message)
            document = self._store.type("List").document(key)
            if document is None:
                raise problems.bad_value(name, part, "is not the id of a List that is in the store")
            for entry in document.value.get("entry") or []:
                reference = (entry.get("item") or {}).get("reference")
                if isinstance(reference, str) and entry.get("deleted") is not True:
                    local = reference.removeprefix(f"{self._context.base_url}/").partition("/_history/")[0]
                    kind, _, target = local.partition("/")
                    if kind == resource_type:
                        found.add(target)
        return HasId(frozenset(found))

    # -- chains -------------------------------------------------------------------------------

    def _parse_chain(
        self, parameter: Parameter, modifier: str | None, rest: str, value: str, name: str, depth: int
    ) -> Criterion:
        if parameter.type != "reference":
            message = f'"{parameter.code}" in "{name}" is a {parameter.type} parameter; only references can be chained.'
            raise problems.invalid(name, message)
        targets = parameter.targets or tuple(sorted(resource_types()))
        if modifier is not None:
            if modifier not in targets:
                message = (
                    f'"{parameter.code}" in "{name}" does not refer to {modifier}; it refers to {", ".join(targets)}.'
                )
                raise problems.invalid(name, message)
            targets = (modifier,)
        head = rest.partition(".")[0].partition(":")[0]
        able = [t for t in targets if head == HAS or head == "_list" or head in parameters_of(t)]
        if not able:
            whom = targets[0] if len(targets) == 1 else f"None of {', '.join(targets)}"
            has = "has no" if len(targets) == 1 else "has a"
            raise problems.not_supported(name, f'{whom} {has} search parameter "{head}" (in "{name}").')
        branches, refusal = [], None
        for target in able:
            try:
                branches.append((target, self._parse(target, rest, value, name, depth + 1)))
            except Invalid as error:
                # The same code may be of another type on another target: one that fits is enough.
                refusal = error
        if not branches and refusal is not None:
            raise refusal
        return Chain(parameter, tuple(branches))

    def _parse_has(self, resource_type: str, part: str, value: str, name: str, depth: int) -> Criterion:
        pieces = part.split(":", 3)
        if len(pieces) != 4 or not all(pieces):
            message = f'The parameter "{name}" is not of the form _has:Type:reference-parameter:parameter.'
            raise problems.invalid(name, message)
        _, source, code, rest = pieces
        if source not in resource_types():
            raise problems.invalid(name, f'"{source}" in "{name}" is not a resource type.')
        parameter = self._parameter(source, code, name)
        if parameter.type != "reference" or (parameter.targets and resource_type not in parameter.targets):
            raise problems.invalid(name, f'"{code}" of {source} in "{name}" does not refer to {resource_type}.')
        return IsReferredTo(resource_type, source, parameter, self._parse(source, rest, value, name, depth + 1))


def compartment_criterion(compartment: tuple[str, str], resource_type: str, base_url: str) -> Criterion:
    """Return what puts a resource of a type into a compartment; raises `Unsupported` for one that none does."""
    kind, key = compartment
    known = compartments().get(kind)
    if known is None:
        message = f"{kind} is not a compartment; there are {', '.join(compartments())}."
        raise problems.not_supported("", message)
    codes = known.get(resource_type)
    if codes is None:
        raise problems.not_supported("", f"The {kind} compartment holds no {resource_type} resources.")
    form = f"{kind}/{key}"
    term = ReferenceTerm((form, f"{base_url.rstrip('/')}/{form}") if base_url else (form,))
    parameters = parameters_of(resource_type)
    criteria: list[Criterion] = [HasId(frozenset({key}))] if kind == resource_type else []
    criteria += [Matches(parameters[code], "", (term,)) for code in codes if code in parameters]
    return AnyOf(tuple(criteria))
