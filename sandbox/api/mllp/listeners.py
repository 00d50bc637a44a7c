"""The agent's listener, named when its run is created: as `PUT hl7/listener` in each of its playgrounds."""

from sandbox import jsonio
from sandbox.errors import Invalid
from sandbox.outbound import check_host
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.runs.models import BenchmarkRun
from sandbox.settings import Settings
from sandbox.simulators.hl7 import deliveries


def check_listener(settings: Settings, host: str) -> None:
    """Raise `Forbidden` for a host that the server does not connect to, `Invalid` in strict mode."""
    if settings.is_strict:
        raise Invalid(
            "hl7_listener is an extension; strict mode has no MLLP.", details={"hl7_listener": ["is an extension"]}
        )
    check_host(host, settings.outbound_hosts, "The listener")


async def name_listener(run: BenchmarkRun, host: str, port: int) -> None:
    """Name it in every playground that has an interface engine; returns when that is on disk."""
    body = jsonio.dump({"host": host, "port": port})
    request = Request("PUT", "hl7/listener", headers={"content-type": "application/json"}, body=body)

    def handle(tx: Interaction) -> Response:
        return Response.of_json(deliveries.set_listener(tx, host, port))

    for task_run in run.task_runs:
        sandbox = next((s for s in task_run.sandboxes if s.surface == "hl7"), None)
        if sandbox is not None and task_run.playground is not None:
            done = task_run.playground.interact("hl7_delivery", handle, sandbox=sandbox, request=request)
            await done.committed
