"""The pharmacy skin: medications, over the same cases."""

from dataclasses import replace
from typing import Final

from sandbox.simulators.portal.web import radmd

SKIN: Final = replace(radmd.SKIN, name="covermymeds", tagline="Medication authorizations")
