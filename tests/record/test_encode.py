"""Events survive the disk: what is read back folds to the same state, to the digit."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import limits
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Event, Request, Response
from sandbox.record import database, restore
from sandbox.record.bodies import Bodies
from sandbox.record.encode import decode_changes, event_json, event_statements
from sandbox.record.reader import Reader
from sandbox.record.writer import open_writer


@pytest.fixture
async def record(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    writer = await open_writer(file)
    reader = Reader(await database.connect(file, is_reader=True))
    yield writer, reader
    await writer.close()
    await reader.close()


def event_of(branch, changes_from, seq=1, request=None, response=None):
    at = datetime(2026, 4, 23, 9, tzinfo=UTC)
    changes = tuple(branch.changes_since(changes_from))
    return Event(f"evt_{seq}", seq, "pg_1", "tr_1", "sb_1", "fhir_request", at, 1.5, request, response, changes)


async def test_a_playground_folds_back_to_the_same_hash(record):
    writer, reader = record
    seed = Seed.of({"fhir/Patient": {"s": {"id": "s"}}})
    branch = Branch(seed)
    for seq, work in enumerate(
        (
            lambda: branch.put("fhir/Observation", "o", None, json=b'{"valueQuantity":{"value":4.10}}'),
            lambda: branch.put("files/_content", "f", b"\x00\xff" * 70_000),
            lambda: branch.delete("fhir/Patient", "s"),
            lambda: branch.put("fhir/Patient", "\u00e9\u2028", {"name": "\u00e9"}),
        ),
        1,
    ):
        mark = branch.savepoint()
        work()
        await writer.submit(event_of(branch, mark, seq))
    whole = await restore.fold_playground(reader, "pg_1", seed)
    folded = whole.branch
    assert (folded.state_hash(), whole.seq) == (branch.state_hash(), 4)
    assert folded.get_document("fhir/Observation", "o").json == b'{"valueQuantity":{"value":4.10}}'
    assert folded.version_of("fhir/Patient", "s") == 2
    until = await restore.fold_playground(reader, "pg_1", seed, until_seq=2)
    assert until.seq == 2
    assert until.branch.get("fhir/Patient", "s") == {"id": "s"}


@pytest.mark.parametrize("size", [0, 1, limits.INLINE_BODY_BYTES, limits.INLINE_BODY_BYTES + 1])
async def test_bodies_come_back_to_the_byte(record, size):
    writer, reader = record
    body = bytes(i % 251 for i in range(size))
    branch = Branch(Seed())
    request = Request(
        "PUT", "files/x", headers={"content-type": "application/pdf", "authorization": "secret"}, body=body
    )
    response = Response(200, body, "application/pdf")
    await writer.submit(event_of(branch, branch.savepoint(), 1, request, response))
    (event,) = [e async for e in reader.events("pg_1")]
    assert event.request.body == event.response.body == body
    row = await reader.row("SELECT * FROM events")
    assert (row["request_sha"] is not None) is (size > limits.INLINE_BODY_BYTES)
    assert "secret" not in str(dict(row))


async def test_a_redacted_body_is_what_is_stored(record):
    writer, reader = record
    request = Request("POST", "portal/login", body=b'{"username": "u", "password": "hunter2"}').with_redacted(
        ("password",)
    )
    branch = Branch(Seed())
    await writer.submit(event_of(branch, branch.savepoint(), 1, request, Response(200)))
    row = await reader.row("SELECT * FROM events")
    assert b"hunter2" not in row["request_body"]
    shown = event_json(row, lambda sha: b"")
    assert shown["request"]["body"] == {"username": "u", "password": "[redacted]"}


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers(-(2**40), 2**40) | st.text(), st.lists)))
def test_changes_round_trip(rows):
    branch = Branch(Seed())
    mark = branch.savepoint()
    for key, value in rows.items():
        branch.put("c", key, {"v": value})
    event = event_of(branch, mark)
    statements = event_statements(event, Bodies())
    changes = decode_changes(statements[-1][1][-1], b"", lambda sha: b"")
    assert [(c.key, c.version, c.document.value) for c in changes] == [
        (c.key, c.version, c.document.value) for c in event.changes
    ]
