"""The surface as a recording proxy to a FHIR server of the user's own (`config.upstream`, extension).

`config.py` says how it is configured, `forwarding.py` sends a request there and turns the answer
around, `links.py` moves URLs from one base to the other, `isolation.py` keeps the resources of one
task run apart by a tag, `observation.py` asks what the checks want to know before a task run is
scored. State is upstream: the playground keeps the events and nothing else.
"""

from sandbox.simulators.fhir.proxy.config import FhirConfig, is_proxied
from sandbox.simulators.fhir.proxy.forwarding import forward, respond
from sandbox.simulators.fhir.proxy.observation import observe, observed

__all__ = ["FhirConfig", "forward", "is_proxied", "observe", "observed", "respond"]
