"""Recording without HTTP: what an interaction costs in this process, alone and with its event recorded.

A build is measured by a script of its own, as builds differ inside; it uses only what both of them have. Interactions
come one in a turn of the event loop, or as many as there are connections elsewhere. What counts is the processor time
of all threads, which other work on the machine changes little; what went by on the clock stands beside it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sandbox import jsonio
from sandbox.clock import SystemClock
from sandbox.playground.branch import Branch, Document, Seed, SeedCollection
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, NullRecorder, Playground, Recorder, Sandbox
from sandbox.record import database
from sandbox.simulators.fhir.routes import handle
from tests.bench import data

BASE = "http://127.0.0.1:8787/v1/benchmark-runs/br_01M817FNHZS3YYXX44R0836WC7"
HEADERS = {"host": "127.0.0.1:8787", "accept": "*/*", "authorization": "Bearer vrl_run_0123456789"}
PATIENTS = 1_000
COUNT = 4_096
IN_A_TURN = 32
ROUNDS = 5


def seed() -> Seed:
    """Return a seed of patients."""
    rows = [data.patient(i) for i in range(PATIENTS)]
    documents = {row["id"]: Document(json=jsonio.dump_to_keep(row)) for row in rows}
    return Seed({"fhir/Patient": SeedCollection(documents)})


def read(number: int) -> Request:
    """Return the read of a patient."""
    return Request("GET", f"fhir/Patient/p{number % PATIENTS}", (), HEADERS, b"", {}, BASE)


def create(number: int) -> Request:
    """Return the creation of a patient, which is validated."""
    body = jsonio.dump({k: v for k, v in data.patient(number).items() if k != "id"})
    headers = {**HEADERS, "content-type": "application/fhir+json"}
    return Request("POST", "fhir/Patient", (), headers, body, {}, BASE)


async def open_recorder(file: Path) -> tuple[Recorder, Callable[[], object]]:
    """Return a recorder on a new database, and how it is closed, of whichever build this is."""
    database.migrate(file)
    from sandbox.record import writer as module

    if hasattr(module, "open_writer"):
        writer = await module.open_writer(file)
        return writer, writer.close
    earlier = module.Writer(await database.connect(file), lambda: database.sync_log(file))
    earlier.start()
    return earlier, earlier.close


async def seconds_each(recorder: Recorder, requests: list[Request], in_a_turn: int) -> tuple[float, float]:
    """Return what an interaction takes, its commit awaited: processor time, and time on the clock."""
    sandbox = Sandbox("sb_1", "sim_1", "Fhir", "EHR", "fhir", {}, {})
    playground = Playground("pg_1", "bench", "tr_1", Branch(seed()), (sandbox,), SystemClock(), recorder)
    playground.id = f"pg_{time.perf_counter_ns():026d}"

    def serve(request: Request) -> object:
        def run(tx: Interaction) -> Response:
            return handle(tx, request)

        return playground.interact("fhir_request", run, sandbox=sandbox, request=request).committed

    cpu, began = time.process_time(), time.perf_counter()
    for start in range(0, len(requests), in_a_turn):
        for committed in [serve(request) for request in requests[start : start + in_a_turn]]:
            await committed  # type: ignore[misc]
    return (time.process_time() - cpu) / len(requests), (time.perf_counter() - began) / len(requests)


async def measure(home: Path) -> dict[str, float]:
    """Return the microseconds of each kind of interaction."""
    recorder, close = await open_recorder(home / "sandbox.sqlite3")
    found: dict[str, list[float]] = {}
    kinds = {"read": [read(i) for i in range(COUNT)], "create": [create(i) for i in range(COUNT // 4)]}
    for _ in range(ROUNDS):
        for name, requests in kinds.items():
            for label, one in (("unrecorded", NullRecorder()), ("recorded", recorder)):
                for in_a_turn in (1, IN_A_TURN):
                    taken = await seconds_each(one, requests, in_a_turn)
                    for what, value in zip(("processor", "clock"), taken, strict=True):
                        found.setdefault(f"{name} {label} {in_a_turn} {what}", []).append(value * 1e6)
    await close()  # type: ignore[misc]
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    """Measure this build and print what was found as JSON."""
    from sandbox.serving import run

    async def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.buffer.write(jsonio.dump(await measure(Path(folder))) + b"\n")

    run(work())


if __name__ == "__main__":
    main()
