"""The reference agent: takes what is whole, checks each claim, passes on, acknowledges, files."""

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

INBOX, ARCHIVE, ACKS = "inbox/claims", "archive", "outbound/acks"
COLLECTED = "archive/collected"

Row = dict[str, str]


class Drop:
    """The file exchange; paths are from its root."""

    def __init__(self, task: Any) -> None:
        self.task = task

    async def list(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder, sorted; none where there is no folder."""
        answer = await self.task.request("GET", f"files/{folder}/", params={"recursive": "true"})
        return [] if answer.status == 404 else sorted(row["path"] for row in answer.raise_for_status().json())

    async def read(self, path: str) -> str:
        """Return what a file says."""
        answer = await self.task.request("GET", f"files/{path}")
        return str(answer.raise_for_status().text)

    async def write(self, path: str, text: str) -> None:
        """Write a file, whole when it has its name."""
        answer = await self.task.request(
            "PUT", f"files/{path}", data=text.encode(), headers={"Content-Type": "text/csv"}
        )
        answer.raise_for_status()

    async def move(self, path: str, target: str) -> None:
        """Move a file."""
        answer = await self.task.request("POST", f"files/{path}", params={"move_to": target})
        answer.raise_for_status()


@dataclass(frozen=True)
class Batch:
    """A data file: its name, the batch that its control file says it is, and its claims as they came."""

    name: str
    number: str
    heading: list[str]
    claims: list[Row]


def read_rows(text: str) -> list[Row]:
    """Return the rows of a table."""
    return list(csv.DictReader(io.StringIO(text)))


def table(heading: list[str], rows: list[Row]) -> str:
    """Write a table."""
    out = io.StringIO()
    writer = csv.DictWriter(out, heading, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class Desk:
    """The claims desk's tools over one task."""

    def __init__(self, task: Any, drop: Drop) -> None:
        self.task = task
        self.drop = drop
        self.today: str = task.task_item["today"]

    # Rule 1: what may be taken.

    async def names(self) -> list[str]:
        """Return the names of the data files in the inbox."""
        paths = await self.drop.list(INBOX)
        return [path.rpartition("/")[2].removesuffix(".csv") for path in paths if path.endswith(".csv")]

    async def whole(self, name: str) -> Batch | None:
        """Return a batch when it has been sent in full, else None."""
        if f"{INBOX}/{name}.ctl" not in await self.drop.list(INBOX):
            return None
        (control,) = read_rows(await self.drop.read(f"{INBOX}/{name}.ctl"))
        text = await self.drop.read(f"{INBOX}/{name}.csv")
        claims = read_rows(text)
        figures = (len(claims), sum(Decimal(claim["charge"]) for claim in claims))
        if figures != (int(control["claims"]), Decimal(control["total"])):
            return None
        return Batch(name, control["batch"], next(csv.reader(io.StringIO(text))), claims)

    # Rules 2 and 3: what is rejected, and why.

    async def is_known(self, batch: Batch) -> bool:
        """Tell whether a batch was taken before."""
        register = read_rows(await self.drop.read("register/batches.csv"))
        return batch.number in {row["batch"] for row in register}

    async def earlier(self) -> dict[str, list[str]]:
        """Return the claims of the earlier batches, by batch."""
        found = {}
        for path in await self.drop.list(ARCHIVE):
            if path.endswith(".ctl"):
                claims = read_rows(await self.drop.read(f"{path.removesuffix('.ctl')}.csv"))
                (control,) = read_rows(await self.drop.read(path))
                found[control["batch"]] = [row["claim"] for row in claims]
        return found

    async def find_fault(self, claim: Row) -> str:
        """Return the code with which a claim is rejected; the empty text where there is none."""
        query = {"identifier": claim["member_id"], "_include": "Coverage:beneficiary"}
        bundle = (await self.task.request("GET", "fhir/Coverage", params=query)).raise_for_status().json()
        resources = [entry["resource"] for entry in bundle.get("entry", [])]
        patients = {f"Patient/{r['id']}": r for r in resources if r["resourceType"] == "Patient"}
        covers = [
            r
            for r in resources
            if r["resourceType"] == "Coverage" and is_of(patients[r["beneficiary"]["reference"]], claim)
        ]
        if not covers:
            return "R01"
        return "" if any(is_in_force(cover, claim["service_date"]) for cover in covers) else "R02"

    async def codes(self, batch: Batch) -> list[str]:
        """Return the code of each claim's rejection, in the order of the batch; empty for those that stay."""
        if await self.is_known(batch):
            return ["R04"] * len(batch.claims)
        known = {claim for claims in (await self.earlier()).values() for claim in claims}
        return ["R03" if claim["claim"] in known else await self.find_fault(claim) for claim in batch.claims]

    # Rules 4 to 6: passing on, acknowledging, filing.

    async def pass_on(self, batch: Batch, codes: list[str]) -> list[str]:
        """Give each payer its claims; return the files."""
        paths = []
        accepted = [claim for claim, code in zip(batch.claims, codes, strict=True) if not code]
        for payer in sorted({claim["member_id"][:3] for claim in accepted}):
            claims = [claim for claim in accepted if claim["member_id"].startswith(payer)]
            paths.append(f"outbound/{payer}/{batch.number}.csv")
            await self.drop.write(paths[-1], table(batch.heading, claims))
        return paths

    async def acknowledge(self, name: str, results: list[tuple[str, str]]) -> None:
        """Tell a practice what became of its claims: their numbers, and the codes of those that were rejected."""
        rows = [{"claim": c, "status": "rejected" if code else "accepted", "code": code} for c, code in results]
        await self.drop.write(f"{ACKS}/{name}.csv", table(["claim", "status", "code"], rows))

    async def file(self, *paths: str) -> None:
        """Move files to the day's folder."""
        for path in paths:
            await self.drop.move(path, f"{ARCHIVE}/{self.today}/{path.rpartition('/')[2]}")

    async def close(self, batch: Batch, codes: list[str]) -> None:
        """Acknowledge a batch and file it."""
        numbers = [claim["claim"] for claim in batch.claims]
        await self.acknowledge(batch.name, list(zip(numbers, codes, strict=True)))
        await self.file(f"{INBOX}/{batch.name}.csv", f"{INBOX}/{batch.name}.ctl")

    async def work(self, batch: Batch) -> None:
        """Work a whole batch."""
        codes = await self.codes(batch)
        await self.pass_on(batch, codes)
        await self.close(batch, codes)

    # Time.

    async def wait(self) -> None:
        """Wait for the next thing to happen."""
        (await self.task.advance_clock()).raise_for_status()

    async def wait_for(self, name: str) -> Batch:
        """Wait until a batch is whole."""
        while (batch := await self.whole(name)) is None:
            await self.wait()
        return batch

    async def wait_for_collection(self, path: str) -> None:
        """Wait until a payer has taken a file."""
        _, payer, name = path.split("/")
        while f"{COLLECTED}/{payer}/{name}" not in await self.drop.list(COLLECTED):
            await self.wait()

    # Rule 7: what payers say.

    async def receipts(self) -> list[str]:
        """Return the receipts, the latest last."""
        return await self.drop.list("inbox/receipts")

    async def latest(self, payer: str) -> dict[str, Row]:
        """Return what a payer says of each claim."""
        said = {}
        for path in await self.receipts():
            if path.rpartition("/")[2].startswith(payer):
                said |= {row["claim"]: row for row in read_rows(await self.drop.read(path))}
        return said

    async def tell(self) -> None:
        """Tell the practices what the payers say, and file the receipts."""
        paths, batches = await self.receipts(), await self.earlier()
        for payer in sorted({path.rpartition("/")[2][:3] for path in paths}):
            said = await self.latest(payer)
            for number, claims in batches.items():
                answered = [(claim, said[claim]["code"]) for claim in claims if claim in said]
                if answered:
                    await self.acknowledge(f"{number}-{payer}", answered)
        await self.file(*paths)


def is_of(patient: dict[str, Any], claim: Row) -> bool:
    """Whether a chart is that of the patient whom a claim names."""
    name = patient["name"][0]
    chart = (name["family"], name["given"][0], patient["birthDate"])
    return chart == (claim["last_name"], claim["first_name"], claim["birth_date"])


def is_in_force(cover: dict[str, Any], day: str) -> bool:
    """Whether an insurance was in force on a day."""
    period = cover.get("period", {})
    return cover["status"] == "active" and period.get("start", "") <= day <= period.get("end", "9999")


async def work_what_is_whole(desk: Desk) -> None:
    """Work every batch that has been sent in full."""
    for name in await desk.names():
        batch = await desk.whole(name)
        if batch is not None:
            await desk.work(batch)


async def work_by_the_clock(desk: Desk) -> None:
    """Wait for the batch, pass it on, and close it when the payer that the task names has collected."""
    (name,) = await desk.names()
    batch = await desk.wait_for(name)
    codes = await desk.codes(batch)
    paths = await desk.pass_on(batch, codes)
    await desk.wait_for_collection(next(path for path in paths if "/EVM/" in path))
    await desk.close(batch, codes)


WAYS = {
    "half-written": work_what_is_whole,
    "by-the-clock": work_by_the_clock,
    "sent-twice": work_what_is_whole,
    "payer-receipts": Desk.tell,
}


async def solve(task: Any) -> None:
    """Work the task."""
    await WAYS[task.key](Desk(task, Drop(task)))
