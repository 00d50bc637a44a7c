"""Log-ins as state: what is kept of them. That they open doors is tested over HTTP, with the other doors."""

import pytest

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
