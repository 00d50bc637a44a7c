"""Log-ins as state: what is kept of them. That they open doors is tested over HTTP, with the other doors."""

import pytest

from sandbox import jsonio
from sandbox.errors import Unauthorized
from sandbox.simulators.portal import sessions

SECRETS = ("username", "password")


def login(world, **changes):
    held = {name: world.credentials[name] for name in SECRETS}
    return world.call("POST", "login", {**held, **changes})


def test_a_log_in_is_kept_without_what_is_the_runs_own(world):
    assert login(world).status == 200
    [(_, row)] = world.branch.items("portal/logins")
    assert (row["succeeded"], row["username"], row["at"]) == (True, sessions.OWN_USER, "2026-04-23T09:00:00.000Z")
    [(key, session)] = world.branch.items("portal/sessions")
    assert (session["id"], session["status"], session["ended_at"], session["draft"]) == (key, "open", None, None)


@pytest.mark.parametrize(
    ("changes", "username"),
    [
        ({"password": "wrong"}, sessions.OWN_USER),
        ({"username": "admin"}, "admin"),
        ({"username": "admin", "password": "x"}, "admin"),
        ({"password": "p\u00e4"}, sessions.OWN_USER),
    ],
)
def test_a_failed_log_in_is_kept(world, changes, username):
    assert login(world, **changes).status == 401
    [(_, row)] = world.branch.items("portal/logins")
    assert (row["succeeded"], row["username"]) == (False, username)
    assert world.branch.count("portal/sessions") == 0


@pytest.mark.parametrize(
    "body", [{}, {"username": "x"}, {"username": 1, "password": "x"}, {"username": "x", "password": "x", "otp": "1"}]
)
def test_login_bodies(world, body):
    assert world.details("POST", "login", body)


def test_a_cookie_of_another_portal_is_none_here(make_world):
    here, there = make_world(random_seed=3), make_world(random_seed=3)
    cookie = login(there).headers["Set-Cookie"].partition(";")[0]
    login(here)
    assert sessions.has_session(there.playground.look(there.playground.sandboxes[0]), cookie)
    assert not sessions.has_session(here.playground.look(here.playground.sandboxes[0]), cookie)


def test_logins_are_bookkeeping(world):
    assert world.simulator.bookkeeping == {"portal/logins", "portal/sessions"}


IDLE = {"sessions": {"idle_seconds": 900}}


def cookie_of(response):
    return {"cookie": response.headers["Set-Cookie"].partition(";")[0]}


def is_open(world, headers):
    look = world.playground.look(world.playground.sandboxes[0])
    return sessions.has_session(look, headers["cookie"])


def test_a_session_ends_when_it_is_not_used(make_world, complete):
    world = make_world(IDLE)
    answer = login(world)
    headers = cookie_of(answer)
    assert jsonio.parse(answer.body)["draft"] is None
    for _ in range(3):
        world.clock.advance(899)
        assert is_open(world, headers)
        world.call("GET", "patients", None, headers)
    # A refused call was a use, too, and left nothing else.
    world.clock.advance(899)
    assert world.call("POST", "prior-auths", {"draft": True, "procedure_code": "x"}, headers).status == 400
    assert world.branch.count("portal/drafts") == 0
    world.clock.advance(899)
    row = jsonio.parse(world.call("POST", "prior-auths", {**complete, "draft": True}, headers).body)
    world.clock.advance(900)
    with pytest.raises(Unauthorized, match="900 s without use"):
        is_open(world, headers)
    world.playground.settle()
    [(_, session)] = world.branch.items("portal/sessions")
    assert (session["status"], session["draft"]) == ("expired", row["request_id"])
    with pytest.raises(Unauthorized, match="Drafts are kept"):
        is_open(world, headers)
    again = login(world)
    assert jsonio.parse(again.body)["draft"] == row["request_id"]
    assert world.call("POST", f"prior-auths/{row['request_id']}/submit", None, cookie_of(again)).status == 200
    assert jsonio.parse(login(world).body)["draft"] is None


def test_nothing_is_waited_for_after_a_log_out(make_world):
    world = make_world(IDLE)
    headers = cookie_of(login(world))
    assert world.call("POST", "logout", None, headers).status == 204
    assert world.branch.count("_due") == world.branch.count("portal/_session_ends") == 0
    assert not is_open(world, headers)
    assert {row["status"] for _, row in world.branch.items("portal/sessions")} == {"ended"}


def test_a_look_of_the_organization_is_no_use(make_world):
    world = make_world(IDLE)
    login(world)
    before = world.branch.state_hash()
    world.call("GET", "patients")
    assert world.branch.state_hash() == before


def test_a_code_is_asked_for_where_nothing_takes_it(make_world):
    world = make_world({"sessions": {"one_time_code": True}})
    before = world.branch.state_hash()
    assert login(world).status == 409
    assert world.branch.state_hash() == before
