"""The contract's server and definitions, and the official client at one of its doors."""

from tests.contract.conftest import _no_settings_from_outside, disk, kit, live, registry, serve

__all__ = ["_no_settings_from_outside", "disk", "kit", "live", "registry", "serve"]
