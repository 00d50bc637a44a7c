"""What a tool's arguments become: a call of the portal."""

import pytest

from sandbox import jsonio
from sandbox.simulators.portal.tools import TOOLS

BY_NAME = {tool.name: tool for tool in TOOLS}


@pytest.mark.parametrize(
    ("name", "arguments", "path", "body"),
    [
        (
            "portal_act",
            {"action": "request_peer_to_peer", "text": "Dr. Ferris", "phone": "555-0187"},
            "portal/prior-auths/req_1/peer-to-peer",
            {"contact": "Dr. Ferris", "phone": "555-0187"},
        ),
        ("portal_act", {"action": "request_peer_to_peer"}, "portal/prior-auths/req_1/peer-to-peer", {}),
        (
            "portal_act",
            {"action": "choose_slot", "text": "2"},
            "portal/prior-auths/req_1/peer-to-peer/slot",
            {"slot": 2},
        ),
        ("portal_update_prior_auth", {"units": 3}, "portal/prior-auths/req_1", {"units": 3}),
    ],
)
def test_an_action_names_its_route_and_its_words(name, arguments, path, body):
    tool = BY_NAME[name]
    call = tool.call(tool.arguments.model_validate({"id": "req_1", **arguments}))
    assert (call.path, jsonio.parse(call.body)) == (path, body)
