"""What a recorded read takes on the disk: an agent that reads and searches the same patients again and again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp

from tests.bench import data, servers
from tests.bench.peers import say, start_run
from tests.bench.targets import READ_BYTES, Scores

PATIENTS = 100
ROUNDS = 40


async def bench_size(session: aiohttp.ClientSession, home: Path, scores: Scores) -> None:
    """Print the bytes that the database grows by for a recorded read, its indexes and contents among them."""
    seeds, playgrounds = data.write_clinic(home / "size", resources=1000, tasks=2)
    place, sizes, count = home / "size-data", [], 0
    for is_reading in (False, True):  # the difference is what the reads take
        with servers.sandbox(place / str(is_reading), seeds, playgrounds) as server:
            base, token = await start_run(session, server.url)
            headers = {"Authorization": f"Bearer {token}"}
            for _ in range(ROUNDS if is_reading else 0):
                paths = [f"Patient/p{number}" for number in range(PATIENTS)]
                for path in (*paths, "Patient?_count=10", "Patient?name=a&_count=5"):
                    async with session.get(f"{base}/{path}", headers=headers) as answer:
                        await answer.read()
                        assert answer.status == 200, path
                        count += 1
        with closing(sqlite3.connect(place / str(is_reading) / "sandbox.sqlite3")) as connection:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            sizes.append((pages - free) * size)
    each = (sizes[1] - sizes[0]) / count
    scores.note(READ_BYTES, each)
    say("bytes on the disk for a recorded read, everything counted", f"{each:.0f}   ({count} reads)")
