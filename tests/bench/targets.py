"""The targets that were set, and what a run of the bench shows of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What is measured, what is wanted, and whether more or less of it is better."""

    name: str
    wanted: float
    is_least: bool
    unit: str = ""


READ_ALONE = Target("recording on / off, FHIR read, 1 connection", 0.80, True)
READ_TOGETHER = Target("recording on / off, FHIR read, 32 connections", 0.90, True)
SEQUENTIAL = Target("sequential p50 of a recorded read / the earlier build", 0.62, False)
P99 = Target("p99 of recorded reads at 32 connections / the earlier build", 0.5, False)
READ_BARE = Target("FHIR read / bare aiohttp, same bytes, same loop, 32 connections", 0.62, True)
SEARCH_BARE = Target("one-parameter search / bare aiohttp", 0.5, True)
READ_MEDPLUM = Target("FHIR read / Medplum in-memory router", 0.75, True)
CREATE_MEDPLUM = Target("FHIR create / Medplum in-memory router", 0.5, True)
BESIDE_HL7 = Target("p99 of a read beside an HL7 sender / alone", 2, False)
READ_INSIDE = Target("recorded read in process, no HTTP", 15, False, " µs")
READ_BYTES = Target("on the disk for a recorded read", 1024, False, " B")
CREATE_INSIDE = Target("validated, recorded create in process, no HTTP", 70, False, " µs")
SFTP_SMALL = Target("put of 2 kB by OpenSSH's sftp / the system's sftp-server", 0.5, True)
SFTP_IN_SESSION = Target("the same, in a session of many", 0.5, True)
SFTP_LARGE = Target("put of 50 MB by OpenSSH's sftp / the system's sftp-server", 0.5, True)
TOOLS_LIST = Target("tools/list of the largest environment", 4_000, False, " tokens")
MLLP_PEER = Target("MLLP, 20-segment ORU, 1 connection / python-hl7's own server", 3, True)
MLLP_PEER_TOGETHER = Target("the same, 20 connections", 3, True)
MLLP_ECHO = Target("MLLP, 20-segment ORU, 1 connection / a bare asyncio echo of the frame", 0.4, True)
MLLP_ECHO_TOGETHER = Target("MLLP, 20 connections / a bare asyncio echo of the frame", 0.4, True)
COMPILE = Target("FHIRPath, compile an expression", 1000, False, " µs")
EVALUATE = Target("FHIRPath, evaluate an expression, times as fast as fhirpathpy", 5, True)
INDEX_PATIENT = Target("search, index a Patient", 0.2, False, " ms")
INDEX_OBSERVATION = Target("search, index an Observation", 0.3, False, " ms")
CHECK = Target("sandbox check, 1,136 criteria, times as fast as the earlier build", 3, True)
FIRST_SEARCH = Target("first search of 100,000, times as fast as the earlier build", 3, True)
TIMELINE = Target("dashboard, a page of a task run of 10,000 events", 100, False, " ms")
FIRST_PAINT = Target("dashboard, first paint of that page", 100, False, " ms")
BESIDE_VIEWERS = Target("dashboard, an agent's call beside 50 viewers, p50 / alone", 2, False)
VIEWER_LAG = Target("dashboard, 50 viewers are behind the agent at its end by", 2, False, " s")


class Scores:
    """What was found, in the order in which it was found; a target that is looked at twice keeps the worse."""

    def __init__(self) -> None:
        self._found: dict[Target, tuple[float, str]] = {}

    def note(self, target: Target, value: float, said: str = "") -> None:
        """Keep what was measured."""
        known = self._found.get(target)
        if known is None or (value < known[0]) is target.is_least:
            self._found[target] = value, said

    def lines(self) -> list[str]:
        """Return the table."""
        rows = []
        for target, (value, said) in self._found.items():
            is_met = value >= target.wanted if target.is_least else value <= target.wanted
            sign = "≥" if target.is_least else "≤"
            shown = f"{value:.2f}{target.unit}" if not target.unit else f"{value:.1f}{target.unit}"
            rows.append(
                f"{target.name:<66} {shown:>9}   {sign} {target.wanted:g}   {'met' if is_met else 'MISSED'}   {said}"
            )
        return rows
