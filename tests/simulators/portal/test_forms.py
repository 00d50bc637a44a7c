"""Whose a call of the portal is: what is done to a case is done to its member's."""

import pytest

from sandbox.playground.branch import Branch, Seed
from sandbox.simulators.leaves import Person, Sent
from sandbox.simulators.portal.leaves import PortalForm

ANA, BEN = Person(None, ("EVM1",)), Person(None, ("EVM2",))


def case(key, member, status="submitted"):
    row = {"request_id": key, "auth_number": None, "tracking_number": f"TN-{key}", "status": status}
    return key, {**row, "patient_member_id": member}


PAYER = Seed.of(
    {
        "portal/claims": {},
        "portal/prior_auth_requests": dict([case("req_a", "EVM1"), case("req_b", "EVM2")]),
        "portal/drafts": dict([case("req_d", "EVM1", "draft")]),
    }
)


@pytest.mark.parametrize(
    ("path", "owner", "of_another"),
    [
        ("portal/prior-auths/req_a/withdraw", "EVM1", "portal/prior-auths/req_b/withdraw"),
        ("portal/prior-auths/TN-req_a", "EVM1", "portal/prior-auths/req_b"),
        ("portal/prior-auths/req_d/submit", "EVM1", "portal/prior-auths/req_b/submit"),  # the other has no draft
        ("portal/prior-auths", None, "portal/prior-auths"),
    ],
)
def test_a_call_of_a_case_is_about_its_member(path, owner, of_another):
    branch, call = Branch(PAYER), Sent("POST", path, None, {}, {})
    assert PortalForm().owner(call, branch) == owner
    assert PortalForm().retargeted(call, branch, ANA, BEN).path == of_another
    assert PortalForm().retargeted(call, branch, BEN, ANA) == call
