"""The reference agent: takes the feed on a listener of its own, files, merges, refuses, answers and passes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

NUMBERS = "https://regional-clinic.example/fhir/identifier"
MRN, ACCESSION = f"{NUMBERS}/mrn", f"{NUMBERS}/accession"
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
STATUS = {"F": "final", "C": "corrected", "P": "preliminary"}
START, END = b"\x0b", b"\x1c\r"
PATIENCE_S = 10
ATTEMPTS = 5


def instant(text: str) -> str:
    """Write an HL7 time (UTC) as FHIR does.

    >>> instant("20260422134500+0000")
    '2026-04-22T13:45:00Z'
    """
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14] or '00'}Z"


def number(text: str) -> int | float:
    """Read a result's number without changing how it is written."""
    return float(text) if "." in text else int(text)


@dataclass
class Message:
    """One message, as its segments."""

    text: str

    def __post_init__(self) -> None:
        """Take it apart."""
        rows = [line.split("|") for line in self.text.replace("\n", "\r").split("\r") if line]
        self.rows = [row + [""] * 30 for row in rows]
        self.head = self.row("MSH")
        self.control_id, self.kind, self.facility = self.head[9], self.head[8][:7], self.head[5]

    def row(self, name: str) -> list[str]:
        """Return the first segment of a name, its fields by their numbers (of MSH, one less)."""
        return next(row for row in self.rows if row[0] == name)

    @property
    def patient(self) -> str:
        """The record number."""
        return self.row("PID")[3].split("^")[0]


@dataclass
class Line:
    """A message to deal with, and where its answer goes."""

    message: Message
    writer: asyncio.StreamWriter | None = None
    inbox_id: str = ""
    is_over: asyncio.Event | None = None


class Mllp:
    """The interface, both ways over MLLP."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.came: asyncio.Queue[Line] = asyncio.Queue()
        self.server: asyncio.Server | None = None
        self.out: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> "Mllp":
        """Listen, and say where."""
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        answer = await self.task.request("PUT", "hl7/listener", json={"host": "127.0.0.1", "port": port})
        if not answer.ok:
            self.server.close()
            answer.raise_for_status()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Listen no more."""
        if self.server is not None:
            self.server.close()
        if self.out is not None:
            self.out[1].close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take what is delivered on one connection."""
        is_over = asyncio.Event()
        try:
            while True:
                frame = await reader.readuntil(END)
                text = frame[frame.index(START) + 1 : -len(END)].decode()
                self.came.put_nowait(Line(Message(text), writer, is_over=is_over))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            is_over.set()
            writer.close()

    async def inbox(self) -> list[dict[str, Any]]:
        """Return what has come so far, and how each message stands."""
        found: list[dict[str, Any]] = (await self.task.request("GET", "hl7/inbox")).raise_for_status().json()
        return found

    async def feed(self, *, is_patient: bool) -> AsyncIterator[Line]:
        """Yield each delivery; where nothing is left, let time pass until something comes, if anything will."""
        answered: tuple[str, int] | None = None
        while True:
            pending = [row for row in await self.inbox() if row["delivery"]["state"] == "pending"]
            if not pending:
                if not is_patient or not await wait_for_more(self.task):
                    return
                continue
            delivery = pending[0]["delivery"]
            if (pending[0]["id"], delivery["attempts"]) == answered:
                await asyncio.sleep(0.02)  # the engine has the answer, and has not noted it yet
                continue
            if delivery["next_attempt_at"]:
                await self.task.advance_clock(1)
            async with asyncio.timeout(PATIENCE_S):
                yield await self.came.get()
            answered = (pending[0]["id"], delivery["attempts"])

    async def answer(self, line: Line, code: str, text: str) -> None:
        """Acknowledge a delivery, and wait until the engine has taken note."""
        assert line.writer is not None and line.is_over is not None
        line.writer.write(START + acknowledgment(line.message, code, text).encode() + END)
        async with asyncio.timeout(PATIENCE_S):
            await line.is_over.wait()

    async def send(self, text: str) -> str:
        """Send a message and return the code of its acknowledgment."""
        if self.out is None:
            held = next(s["credentials"] for s in self.task.sandboxes if s["type"] == "Hl7")
            self.out = await asyncio.open_connection(held["mllp_host"], held["mllp_port"])
        reader, writer = self.out
        writer.write(START + text.encode() + END)
        async with asyncio.timeout(PATIENCE_S):
            ack = Message((await reader.readuntil(END))[1 : -len(END)].decode())
        assert ack.row("MSA")[2] == Message(text).control_id
        return ack.row("MSA")[1]


async def wait_for_more(task: Any) -> bool:
    """Let time pass until something comes; False where nothing will."""
    answer = await task.advance_clock()
    if answer.status == 409:
        return False
    answer.raise_for_status()
    return True


def acknowledgment(message: Message, code: str, text: str) -> str:
    """Write the acknowledgment of a message."""
    sender, receiver = "|".join(message.head[2:4]), "|".join(message.head[4:6])
    head = f"MSH|^~\\&|{receiver}|{sender}|{message.head[6]}||ACK|A{message.control_id}|P|2.5.1"
    return f"{head}\rMSA|{code}|{message.control_id}|{text}\r"


class InterfaceDesk:
    """The desk's tools over one task."""

    is_patient = True

    def __init__(self, task: Any, wire: Any) -> None:
        self.task = task
        self.wire = wire
        self.filed: dict[str, None] = {}
        self.refused: dict[str, None] = {}

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call a surface and return its JSON; raises on an error."""
        return (await self.task.request(method, path, **arguments)).raise_for_status().json()

    async def search(self, kind: str, **params: str) -> list[dict[str, Any]]:
        """Return the matches of a search."""
        bundle = await self.call("GET", f"fhir/{kind}", params={**params, "_count": "500"})
        return [entry["resource"] for entry in bundle.get("entry", [])]

    async def patch(self, reference: str, **members: Any) -> None:
        """Set top-level members of a resource and leave the rest as it is."""
        steps = [{"op": "add", "path": f"/{name}", "value": value} for name, value in members.items()]
        headers = {"Content-Type": "application/json-patch+json"}
        answer = await self.task.request("PATCH", f"fhir/{reference}", data=json.dumps(steps).encode(), headers=headers)
        answer.raise_for_status()

    async def chart(self, record: str) -> dict[str, Any]:
        """Return the chart of a record number; of one that was merged, the chart that stayed."""
        (patient,) = await self.search("Patient", identifier=f"{MRN}|{record}")
        for link in patient.get("link", []):
            if link["type"] == "replaced-by":
                replaced: dict[str, Any] = await self.call("GET", f"fhir/{link['other']['reference']}")
                return replaced
        return patient

    async def take(self, message: Message) -> tuple[str, str]:
        """Deal with a message; return the code of its answer, and why it is refused."""
        if message.facility != "REGMED":
            self.refused[message.control_id] = None
            return "AR", "This message is for another facility."
        if message.kind == "ADT^A40":
            await self.merge(message)
        elif message.kind == "ORU^R01" and await self.file(message):
            self.filed[message.row("OBR")[3]] = None
            await self.pass_on(message)
        return "AA", ""

    async def merge(self, message: Message) -> None:
        """Close the chart that goes (house rule 5)."""
        (stays,) = await self.search("Patient", identifier=f"{MRN}|{message.patient}")
        (goes,) = await self.search("Patient", identifier=f"{MRN}|{message.row('MRG')[1].split('^')[0]}")
        target = {"reference": f"Patient/{stays['id']}"}
        for row in await self.search("Observation", patient=f"Patient/{goes['id']}"):
            await self.patch(f"Observation/{row['id']}", subject=target)
        await self.patch(f"Patient/{goes['id']}", active=False, link=[{"other": target, "type": "replaced-by"}])

    def observation(self, message: Message, chart: dict[str, Any]) -> dict[str, Any]:
        """Return the observation of a result message (house rule 4)."""
        obr, obx = message.row("OBR"), message.row("OBX")
        code, name = obx[3].split("^")[:2]
        unit = obx[6].split("^")[0]
        return {
            "resourceType": "Observation",
            "identifier": [{"system": ACCESSION, "value": obr[3]}],
            "status": STATUS[obx[11]],
            "category": [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}],
            "code": {"coding": [{"system": LOINC, "code": code, "display": name}]},
            "subject": {"reference": f"Patient/{chart['id']}"},
            "effectiveDateTime": instant(obr[7]),
            "issued": instant(obr[22]),
            "valueQuantity": {"value": number(obx[5]), "unit": unit, "system": UCUM, "code": unit},
        }

    async def standing(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Return the version of a result that stands in the chart."""
        found = await self.search(
            "Observation",
            patient=row["subject"]["reference"],
            identifier=f"{ACCESSION}|{row['identifier'][0]['value']}",
            code=f"{LOINC}|{row['code']['coding'][0]['code']}",
        )
        return next((other for other in found if other["status"] != "entered-in-error"), None)

    def is_news(self, row: dict[str, Any], standing: dict[str, Any]) -> bool:
        """Whether a version was reported after the one that stands."""
        reported: str = standing["issued"].replace(".000", "")
        return bool(row["issued"] > reported)

    async def file(self, message: Message) -> bool:
        """File a result, unless a later version stands; return whether it was filed."""
        row = self.observation(message, await self.chart(message.patient))
        standing = await self.standing(row)
        if standing is None:
            await self.call("POST", "fhir/Observation", json=row)
            return True
        if not self.is_news(row, standing):
            return False
        await self.replace(row, standing)
        return True

    async def replace(self, row: dict[str, Any], standing: dict[str, Any]) -> None:
        """Put a later version in the place of the one that stands."""
        changed = {name: row[name] for name in ("status", "issued", "valueQuantity")}
        await self.patch(f"Observation/{standing['id']}", **changed)

    async def pass_on(self, message: Message) -> None:
        """Pass a result on to the registry until it is taken (house rule 6)."""
        pid, obr, obx = message.row("PID"), message.row("OBR"), message.row("OBX")
        chart = await self.chart(message.patient)
        record = next(i["value"] for i in chart["identifier"] if i.get("system") == MRN and i.get("use") != "old")
        text = "".join(
            f"{segment}\r"
            for segment in (
                f"MSH|^~\\&|RCEHR|REGMED|REGISTRY|STATEHD|{obr[22]}||ORU^R01^ORU_R01|{message.control_id}|P|2.5.1",
                f"PID|1||{record}^^^REGMED^MR||{pid[5]}||{pid[7]}|{pid[8]}",
                f"OBR|1||{obr[3]}|{obr[4]}|||{obr[7]}|||||||||||||||{obr[22]}||{obr[24]}|{obr[25]}",
                f"OBX|1|{'|'.join(obx[2:12])}",
            )
        )
        for _ in range(ATTEMPTS):
            if self.is_taken(await self.wire.send(text)):
                return
        raise RuntimeError(f"the registry does not take {message.control_id}")

    def is_taken(self, code: str) -> bool:
        """Whether an acknowledgment says that the message was taken."""
        return code == "AA"


async def solve(task: Any, kind: type[InterfaceDesk] = InterfaceDesk, wiring: Any = Mllp) -> Any:
    """Work the feed."""
    async with wiring(task) as wire:
        desk = kind(task, wire)
        async for line in wire.feed(is_patient=desk.is_patient):
            code, text = await desk.take(line.message)
            await wire.answer(line, code, text)
    refused = ", ".join(desk.refused)
    return {
        "filed": list(desk.filed),
        "refused": list(desk.refused),
        "remarks": f"For another facility: {refused}." if refused else "",
    }
