"""Operations (`$name`) by the levels they are served at."""

from sandbox.errors import Unsupported
from sandbox.simulators.fhir.calls import Answer, Call


def dispatch_operation(call: Call) -> Answer:
    """Carry out `$name` at system, type or instance level."""
    raise Unsupported(f'The operation "{call.path[-1]}" is not supported by this server.', issue_type="not-supported")
