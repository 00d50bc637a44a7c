"""`_summary` and `_elements` on what is not a search (R4, Search, "Summary" and "Elements")."""

from typing import Final

from sandbox import jsonio
from sandbox.errors import Invalid
from sandbox.simulators.fhir.calls import Answer, Call
from sandbox.simulators.fhir.search.options import Options
from sandbox.simulators.fhir.search.subset import subset

_NAMES: Final = frozenset({"_summary", "_elements"})
_FORM_ONLY: Final = frozenset({"_format", "_pretty"})


def refuse_unknown(call: Call) -> None:
    """Refuse parameters that a read does not have, unless `handling=lenient`; raises `Invalid`."""
    if call.preferences.is_lenient:
        return
    for name, _ in call.query:
        if name not in _NAMES and name not in _FORM_ONLY:
            message = f'A read has no parameter "{name}"; use _summary, _elements, _format or _pretty.'
            raise Invalid(message, issue_type="not-supported", expression=f"http.{name}")


def project(call: Call, answer: Answer) -> Answer:
    """Leave out of a read's answer what `_summary` or `_elements` does not ask for."""
    refuse_unknown(call)
    wanted = [(name, value) for name, value in call.query if name in _NAMES]
    if not wanted or not answer.body:
        return answer
    resource_type = call.path[0]
    options = Options()
    for name, value in wanted:
        options.read(name, value, (resource_type,))
    if options.summary == "count":
        raise Invalid("_summary=count is for searches.", issue_type="not-supported", expression="http._summary")
    if options.summary == "false" and not options.elements:
        return answer
    text = jsonio.dump(subset(jsonio.parse(answer.body), resource_type, options))
    return Answer(answer.status, text, answer.version, answer.last_updated)
