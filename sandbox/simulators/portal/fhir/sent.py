"""A Bundle that was sent to `$submit` or `$inquire`: its Claim, and what its references mean within it.

The Bundle and its Claim must be valid R4. What R4 does not allow in the resources beside the Claim is no reason to
refuse: they are read for what is needed, and the answer says what is wrong in them. Must not know members or cases.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sandbox import limits
from sandbox.errors import Invalid, Malformed, TooLarge, Unprocessable
from sandbox.jsonio import Json
from sandbox.playground.events import Request
from sandbox.r4.issues import Issue, refusal
from sandbox.r4.validation import validate_entries
from sandbox.r4.validation.literals import parse_literal
from sandbox.simulators.fhir_api.negotiation import check_json_body
from sandbox.simulators.portal.fhir.terms import parts, text

CLAIM_AT: Final = "Bundle.entry[0].resource"
_WARNINGS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A resource of the Bundle and the URL that it stands under, empty where it is contained or has none."""

    url: str
    resource: Json

    @property
    def type(self) -> str:
        """What kind of resource it is."""
        return text(self.resource, "resourceType")


@dataclass(slots=True)
class Sent:
    """A Bundle whose first entry is a Claim. `warnings` say what R4 does not allow in the resources beside it."""

    bundle: Json
    claim: Found
    warnings: tuple[Issue, ...] = ()
    _by_url: dict[str, Found] = field(default_factory=dict)
    _by_name: dict[str, list[Found]] = field(default_factory=dict)

    @classmethod
    def of(cls, bundle: Json, warnings: tuple[Issue, ...] = ()) -> "Sent":
        """Return a Bundle with its resources by URL and by type and id."""
        entries = [Found(text(row, "fullUrl"), row["resource"]) for row in parts(bundle, "entry") if "resource" in row]
        sent = cls(bundle, entries[0], warnings)
        for found in entries:
            if found.url:
                sent._by_url.setdefault(found.url, found)
            sent._by_name.setdefault(f"{found.type}/{text(found.resource, 'id')}", []).append(found)
        return sent

    def find(self, reference: Json, holder: Found | None = None) -> Found | None:
        """Return the resource that a Reference means, None where it names none of the Bundle.

        A relative one is looked for beside its holder first (R4, Bundle, "Resolving references in Bundles").
        """
        holder = holder or self.claim
        name = text(reference, "reference")
        if name.startswith("#"):
            contained = parts(holder.resource, "contained")
            return next((Found("", row) for row in contained if text(row, "id") == name[1:]), None)
        if not name:
            return None
        if name in self._by_url:
            return self._by_url[name]
        literal = parse_literal(name)
        if literal is None:
            return None
        own = parse_literal(holder.url)
        if not literal.base and own is not None and own.base:
            beside = self._by_url.get(f"{own.base}/{literal.type}/{literal.id}")
            if beside is not None:
                return beside
        named = self._by_name.get(f"{literal.type}/{literal.id}", [])
        return named[0] if len(named) == 1 else None

    def every(self, kind: str) -> Iterator[Found]:
        """Yield the resources of one type."""
        for name, found in self._by_name.items():
            if name.startswith(f"{kind}/"):
                yield from found

    def need(self, reference: Json, what: str, at: str, holder: Found | None = None) -> Found:
        """Return the resource that a Reference means. Raises `Invalid` where the Bundle has none of that name."""
        found = self.find(reference, holder)
        if found is None:
            named = text(reference, "reference") or "it has no reference"
            message = f"{what} is not in the Bundle, or more than once ({named[:200]}); send what the Claim refers to."
            raise Invalid(message, issue_type="not-found", expression=at)
        return found


def read_sent(request: Request, operation: str) -> Sent:
    """Read the Bundle of a request, bare or as the parameter `resource`.

    Raises `UnsupportedMedia`, `Malformed`, `TooLarge`; `Invalid` and `Unprocessable` with the issues of the Bundle.
    """
    check_json_body(request.media_type, operation, request.headers.get("content-type", ""))
    if not request.body.strip():
        raise Malformed(f"The body is empty; {operation} takes a Bundle.", issue_type="required")
    bundle = _unwrapped(request.json(), operation)
    kind = bundle.get("resourceType") if isinstance(bundle, dict) else None
    if kind != "Bundle":
        given = f"a {kind}" if isinstance(kind, str) else "no resource"
        raise Invalid(
            f"{operation} takes a Bundle; this is {given[:100]}.", issue_type="structure", expression="Bundle"
        )
    rows = bundle.get("entry")
    if isinstance(rows, list) and len(rows) > limits.BUNDLE_ENTRIES:
        message = f"The Bundle has {len(rows):,} entries; the limit is {limits.BUNDLE_ENTRIES:,}."
        raise TooLarge(message, expression="Bundle.entry")
    own, by_entry = validate_entries(bundle, allows_conditional=False)
    if own:
        raise refusal(own)
    _check_shape(bundle, operation)
    if by_entry[0][0]:
        raise refusal(by_entry[0][0])
    _check_claim(rows[0]["resource"])
    found = [issue for index in sorted(by_entry) if index for issue in by_entry[index][0]]
    warnings = tuple(Issue(i.code, i.diagnostics, i.expression, "warning") for i in found[:_WARNINGS_MAX])
    return Sent.of(bundle, warnings)


def _unwrapped(value: Json, operation: str) -> Json:
    if not isinstance(value, dict) or value.get("resourceType") != "Parameters":
        return value
    rows = parts(value, "parameter")
    if [text(row, "name") for row in rows] != ["resource"] or "resource" not in rows[0]:
        message = f"{operation} has one parameter, resource: the Bundle."
        raise Invalid(message, issue_type="invalid", expression="Parameters.parameter")
    return rows[0]["resource"]


def _check_shape(bundle: Json, operation: str) -> None:
    """Check what PAS asks of the Bundle besides R4."""
    if bundle.get("type") != "collection":
        message = f'{operation} takes a Bundle of the type collection, not "{bundle.get("type")}".'
        raise Invalid(message, issue_type="value", expression="Bundle.type")
    rows = bundle.get("entry") or [{}]
    first = rows[0].get("resource")
    if not isinstance(first, dict) or first.get("resourceType") != "Claim":
        raise Invalid(
            "The first entry of the Bundle must be a Claim.", issue_type="structure", expression="Bundle.entry"
        )


def _check_claim(first: Json) -> None:
    """Check what PAS asks of the Claim besides R4."""
    if first.get("use") != "preauthorization":
        message = f'This is for prior authorization: Claim.use must be preauthorization, not "{first.get("use")}".'
        raise Unprocessable(message, issue_type="business-rule", expression=f"{CLAIM_AT}.use")
    if first.get("status") == "entered-in-error":
        message = "A Claim that was entered in error asks for nothing."
        raise Unprocessable(message, issue_type="business-rule", expression=f"{CLAIM_AT}.status")
    for name in ("item", "supportingInfo"):
        numbers = [row["sequence"] for row in parts(first, name)]
        if len(set(numbers)) < len(numbers):
            message = f"Every sequence of Claim.{name} must be its own: it is what an update means an entry by."
            raise Unprocessable(message, issue_type="business-rule", expression=f"{CLAIM_AT}.{name}")
