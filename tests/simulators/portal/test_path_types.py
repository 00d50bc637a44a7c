"""Every row the portal writes has the shape that `sandbox check` judges paths by."""

from typing import get_args

import pytest

from sandbox.errors import Invalid
from sandbox.simulators.portal.checks import Resource
from sandbox.simulators.portal.path_types import COLLECTIONS, path_type
from sandbox.simulators.vocabulary import find_value_problem
from tests.definitions.places import places
from tests.simulators.portal.test_plan import PLAN

ATTACHED = [{"filename": "a.txt", "content_type": "text/plain", "content_base64": "YQ=="}]


def test_every_collection_of_a_check_has_a_shape():
    assert frozenset(get_args(Resource)) == COLLECTIONS


def test_every_row_is_of_its_shape(make_world, complete):
    config = {"determinations": [{"procedure_code": "72148", "status": "need_more_info", "reason": "More."}]}
    config |= {"peer_to_peer": {"turns": ["Why?"]}, "sessions": {"idle_seconds": 900}}
    world = make_world(config, plan=PLAN)
    made = world.json("POST", "prior-auths", {**complete, "attachments": ATTACHED}, status=201)
    world.json("PATCH", f"prior-auths/{made['request_id']}", {"notes": "more"})
    world.json("POST", "prior-auths", {"draft": True, "attachments": ATTACHED}, status=201)
    world.json("POST", "login", {"username": "x", "password": "y"}, status=401)
    world.call("POST", "login", {name: world.credentials[name] for name in ("username", "password")})
    world.json("POST", "claims/CLM-1/appeal", {"rationale": "x", "attachments": ATTACHED}, status=201)
    other = world.json(
        "POST", "prior-auths", {**complete, "procedure_code": "73721", "clinical_answers": {}}, status=201
    )
    world.step("deny_case", request_id=other["request_id"])
    world.json("POST", f"prior-auths/{other['request_id']}/peer-to-peer")
    world.json("POST", f"prior-auths/{other['request_id']}/peer-to-peer/slot", {"slot": 1})
    world.clock.advance(86_400)
    world.json("POST", f"prior-auths/{other['request_id']}/peer-to-peer/turns", {"text": "So."})
    world.json("POST", f"prior-auths/{other['request_id']}/appeal", {"rationale": "x"})
    seen = set()
    for collection in COLLECTIONS:
        for _, row in world.branch.items(f"portal/{collection}"):
            seen.add(collection)
            for path, value in places(row):
                assert find_value_problem(path_type(collection, path), value) is None, f"{collection}: {path}"
    assert seen == COLLECTIONS


def test_what_no_row_has_is_named_with_the_nearest():
    with pytest.raises(Invalid, match='there is no "nots"; did you mean "notes"'):
        path_type("drafts", "nots")
    with pytest.raises(Invalid, match="write a number or \\* before filename"):
        path_type("prior_auth_requests", "attachments.filename")
    with pytest.raises(Invalid, match="nothing below a text"):
        path_type("patients", "plan.name")
