"""Who a client is, over HTTP: the two token endpoints read `Authorization` and their forms alike."""

import base64

import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.fixture
async def doors(live, project):
    """What sends a form, with or without a header, to each token endpoint with its right client."""
    run = await live.started()
    smart = next(s for s in run.value["sandboxes"] if s["type"] == "Fhir")["credentials"]
    client = await live.post(f"{project}/oauth_client", json={"name": "c"})
    ends = [
        ("/v1/benchmark-runs/" + run.id + "/fhir/token", smart["client_id"], smart["client_secret"]),
        ("/oauth2/token", client["client_id"], client["client_secret"]),
    ]

    async def ask(form, header=None):
        found = []
        for path, name, secret in ends:
            headers = {**FORM, **({"Authorization": header(name, secret)} if header else {})}
            body = form.format(id=name, secret=secret)
            found.append(await live.call("POST", path, body=body.encode(), headers=headers))
        return found

    return ask


def encoded(name: str, secret: str) -> str:
    """As RFC 6749 §2.3.1 has it: every character percent-encoded."""
    return basic("".join(f"%{ord(c):02X}" for c in name), "".join(f"%{ord(c):02X}" for c in secret))


@pytest.mark.parametrize("header", [basic, encoded, lambda n, s: basic(n, s).replace("Basic ", "basic  ")])
async def test_a_client_of_http_basic_is_let_in(doors, header):
    assert [a.status for a in await doors("grant_type=client_credentials", header)] == [200, 200]


@pytest.mark.parametrize(
    ("form", "header", "status", "error"),
    [
        (
            "grant_type=client_credentials&client_id={id}&client_secret={secret}",
            lambda *_: "Basic !",
            401,
            "invalid_client",
        ),
        ("grant_type=client_credentials", lambda *_: "Basic YWJj", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id={id}&client_secret={secret}", basic, 400, "invalid_request"),
        (
            "grant_type=client_credentials&client_id={id}&client_secret=x&client_secret={secret}",
            None,
            400,
            "invalid_request",
        ),
        ("grant_type=client_credentials&client_id={id}&client_secret={secret}&x=%FF", None, 400, "invalid_request"),
    ],
    ids=["broken", "without-colon", "two-ways", "twice", "not-utf-8"],
)
async def test_what_cannot_be_told_is_refused_alike(doors, form, header, status, error):
    assert [(a.status, a.json["error"]) for a in await doors(form, header)] == [(status, error)] * 2
