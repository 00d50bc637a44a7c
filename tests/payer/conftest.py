"""The payer's case, driven by its own functions, in a playground of the portal's."""

from tests.simulators.portal.conftest import complete, make_world, world

__all__ = ["complete", "make_world", "world"]
