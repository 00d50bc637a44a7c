"""A search as the wire asks for it."""

from dataclasses import dataclass

from sandbox.wire.forms import Pairs


@dataclass(slots=True)
class SearchRequest:
    """A search, a value: what, with which parameters, for which base.

    `resource_type` is None at system level (which needs `_type`, unless a compartment is given).
    `parameters` are decoded, in order, repetition kept. `base_url` is the absolute FHIR base
    (`http://host/v1/benchmark-runs/br_x/fhir`): references that begin with it are local.
    `compartment` is its type and id, `("Patient", "123")`.
    """

    resource_type: str | None
    parameters: Pairs
    base_url: str
    is_lenient: bool = False
    compartment: tuple[str, str] | None = None
