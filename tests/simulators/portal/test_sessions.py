"""Logging in and out."""

import pytest

from sandbox import jsonio, limits
from sandbox.simulators.portal import sessions


def login(world, **changes):
    body = {"username": world.credentials["username"], "password": world.credentials["password"], **changes}
    return world.call("POST", "login", body)


def token_of(response):
    name, _, rest = response.headers["Set-Cookie"].partition("=")
    assert name == "portal_session"
    return rest.partition(";")[0]


def test_credentials(world):
    assert world.credentials["portal_url"] == world.credentials["api_url"]
    assert world.credentials["api_url"] == "http://127.0.0.1:8000/v1/benchmark-runs/br_1/portal"
    assert world.credentials["username"].startswith("provider_")
    assert len(world.credentials["password"]) == 20


def test_login_and_logout(world):
    response = login(world)
    assert response.status == 200
    assert jsonio.parse(response.body) == {"username": world.credentials["username"]}
    attributes = response.headers["Set-Cookie"].split("; ")[1:]
    assert attributes == ["Path=/v1/benchmark-runs/br_1/portal", "HttpOnly", "SameSite=Strict"]
    assert world.last.type == "portal_login"
    token = token_of(response)
    [(stored, session)] = world.branch.items("portal/_sessions")
    assert token not in stored and session["username"] == world.credentials["username"]
    with_cookie = {"cookie": f"theme=dark; portal_session={token}"}
    response = world.call("POST", "logout", None, with_cookie)
    assert response.status == 204 and "Max-Age=0" in response.headers["Set-Cookie"]
    assert world.branch.count("portal/_sessions") == 0
    assert world.call("POST", "logout", None, with_cookie).status == 204
    assert world.call("POST", "logout").status == 204


def test_a_session_belongs_to_its_user(world):
    found = []
    token = token_of(login(world))

    def look(tx):
        found.extend([sessions.user_of(tx, token), sessions.user_of(tx, "other"), sessions.user_of(tx, None)])
        return world.last.response

    world.playground.interact("portal_request", look)
    assert found == [world.credentials["username"], None, None]


@pytest.mark.parametrize(
    "changes", [{"password": "wrong"}, {"username": "admin"}, {"password": ""}, {"password": "pä"}]
)
def test_a_failed_login_is_kept(world, changes):
    response = login(world, **changes)
    assert response.status == 401
    assert jsonio.parse(response.body)["error"]["code"] == "UNAUTHORIZED"
    assert "Set-Cookie" not in response.headers
    [(_, row)] = world.branch.items("portal/logins")
    assert row["succeeded"] is False
    assert row["username"] == changes.get("username", world.credentials["username"])
    assert world.branch.count("portal/_sessions") == 0


def test_no_password_is_ever_recorded(world):
    password = world.credentials["password"]
    token = token_of(login(world))
    login(world, password="not the one")
    world.call("POST", "login", b'{"password": "' + password.encode())
    for event in world.recorder.events:
        if event.request is not None and event.type == "portal_login":
            recorded = event.request.recorded_body
            assert recorded is not None and b"redacted" in recorded
            assert password.encode() not in recorded and b"not the one" not in recorded
        assert event.response is None or token.encode() not in event.response.body
        for change in event.changes:
            content = change.document.json if change.document else b""
            assert password.encode() not in content and token.encode() not in content


def test_ten_attempts_a_minute(world):
    for attempt in range(limits.LOGIN_ATTEMPTS_PER_MINUTE):
        assert login(world, password="wrong").status == 401, attempt
        world.clock.advance(1)
    before = world.branch.state_hash()
    response = login(world)
    assert response.status == 429
    assert response.headers["Retry-After"] == "50"
    assert jsonio.parse(response.body)["error"]["code"] == "RATE_LIMITED"
    assert world.branch.state_hash() == before
    world.clock.advance(49.9)
    assert login(world).status == 429
    world.clock.advance(0.1)
    assert login(world).status == 200
    assert login(world).status == 429


@pytest.mark.parametrize(
    "body", [{}, {"username": "x"}, {"username": 1, "password": "x"}, {"username": "x", "password": "x", "otp": "1"}]
)
def test_login_bodies(world, body):
    assert world.details("POST", "login", body)


def test_a_seeded_run_repeats_its_sessions(make_world):
    tokens = {token_of(login(make_world(random_seed=3))) for _ in range(2)}
    assert len(tokens) == 1
    assert tokens != {token_of(login(make_world(random_seed=4)))}


def test_logins_are_bookkeeping(world):
    assert world.simulator.bookkeeping == {"portal/logins"}
