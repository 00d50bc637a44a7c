"""What goes by MLLP, read from a record and played again."""

from datetime import UTC, datetime

import pytest

from sandbox.client.models import Event
from sandbox.errors import Invalid
from sandbox.rehearsal.mutation.script import ANSWER, MLLP, read_script


def event(kind, request, **more):
    at = datetime(2026, 4, 23, 13, tzinfo=UTC)
    return Event("evt_1", 1, kind, at, None, None, None, None, **{"request": request, "response": None, **more})


def test_a_delivery_is_read_as_its_answer():
    told = {"control_id": "L-1", "attempt": 1, "ack": "MSH|^~\\&|A\rMSA|AA|L-1\r"}
    changes = [{"collection": "hl7/acks", "key": "a", "version": 1, "op": "put"}]
    changes.append({"collection": "hl7/_deliveries", "key": "m", "version": 1, "op": "put"})
    request = {"method": "SCENARIO", "path": "hl7/inbox/m", "body": "MSH|…"}
    response = {"status": 200, "body": told}
    delivery = event("hl7_delivery", request, changes=changes, response=response, actor="scenario", via="mllp")
    (step,) = read_script("t", [delivery], None).steps
    assert (step.sent.method, step.sent.path, step.sent.body) == (ANSWER, "hl7/inbox/L-1", told["ack"])
    assert (step.via, step.writes, step.is_write, step.is_answer) == (MLLP, (("hl7/acks", "a"),), True, True)


def test_what_only_records_the_work_is_no_write():
    request = {"method": "POST", "path": "clearinghouse/eligibility", "body": {"patient_id": "ana"}}
    changes = [{"collection": "clearinghouse/transactions", "key": "x12_1", "version": 1, "op": "put"}]
    asked = event("x12_transaction", request, changes=changes, actor="agent")
    (counted,) = read_script("t", [asked], None).steps
    (reading,) = read_script("t", [asked], None, bookkeeping=frozenset({"clearinghouse/transactions"})).steps
    assert (counted.is_write, reading.is_write) == (True, False)


def test_what_came_by_a_wire_that_cannot_be_played_is_refused():
    request = {"method": "PUT", "path": "files/x", "body": "x"}
    put = event("file_write", request, changes=(), actor="agent", via="sftp")
    with pytest.raises(Invalid, match="came by sftp; only HTTP and MLLP"):
        read_script("t", [put], None)
