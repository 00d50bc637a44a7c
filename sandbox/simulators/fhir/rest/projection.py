"""`_summary` and `_elements` on what is not a search (R4, Search, "Summary" and "Elements")."""

from typing import Final

from sandbox import jsonio
from sandbox.errors import Invalid
from sandbox.simulators.fhir.rest.calls import Answer, Call
from sandbox.simulators.fhir.search.answer.subset import subset
from sandbox.simulators.fhir.search.query.options import Options
from sandbox.simulators.fhir.terms.counts import repeated
from sandbox.simulators.fhir.terms.parameters import without_form

_NAMES: Final = frozenset({"_summary", "_elements"})


def refuse_unknown(call: Call, also: tuple[str, ...] = ()) -> None:
    """Refuse parameters that a read does not have, unless `handling=lenient`; raises `Invalid`.

    `also` are those that this read has beside the usual ones.
    """
    if call.preferences.is_lenient:
        return
    for name, _ in without_form(call.query):
        if name not in _NAMES and name not in also:
            known = ", ".join((*also, "_summary", "_elements", "_format"))
            message = f'A read has no parameter "{name}"; use {known} or _pretty.'
            raise Invalid(message, issue_type="not-supported", expression=f"http.{name}")


def _options(call: Call, wanted: list[tuple[str, str]], resource_type: str) -> Options:
    """Read the parameters as a search does: each once, and not both."""
    handling, options, seen = call.handling(), Options(), set[str]()
    for name, value in wanted:
        if name in seen:
            handling.refuse(repeated(name))
            continue
        seen.add(name)
        try:
            options.read(name, value, (resource_type,))
        except Invalid as error:
            handling.refuse(error)
    handling.attempt(options.check, None)
    return options


def project(call: Call, answer: Answer, resource_type: str, also: tuple[str, ...] = ()) -> Answer:
    """Leave out of a read's answer what `_summary` or `_elements` does not ask for."""
    refuse_unknown(call, also)
    wanted = [(name, value) for name, value in call.query if name in _NAMES]
    if not wanted or not answer.body:
        return answer
    options = _options(call, wanted, resource_type)
    if options.summary == "count":
        raise Invalid("_summary=count is for searches.", issue_type="not-supported", expression="http._summary")
    if options.summary == "false" and not options.elements:
        return answer
    whole = jsonio.parse(answer.body)
    part = subset({"id": None, **whole}, resource_type, options)
    if "id" not in whole:  # a CapabilityStatement is not stored, and has none
        del part["id"]
    text = jsonio.dump_long(part)
    return Answer(answer.status, text, answer.version, answer.last_updated)
