"""How a clearinghouse is configured: whom it answers for, and what it is strict about."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from sandbox.definitions.assertions import StrictModel

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=15)]


class ClearinghouseConfig(StrictModel):
    """The configuration of the simulator; all of it has a default.

    `payer_id` is how requests must name the payer (NM109), any name where it is none; `receiver_id` likewise in ISA08.
    """

    payer_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80)] | None = None
    payer_name: Annotated[str, Field(min_length=1, max_length=60)] = "SANDBOX HEALTH PLAN"
    receiver_id: Id | None = None
    refuses_repeated_control_numbers: bool = False
    acknowledges_everything: bool = False


def read_config(config: Mapping[str, Any]) -> ClearinghouseConfig:
    """Return a sandbox's configuration as its model."""
    return ClearinghouseConfig.model_validate(dict(config))
