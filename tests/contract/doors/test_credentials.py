"""Every key of every simulator's `credentials` opens the door it names, with nothing else.

`DOORS` holds one entry per simulator and key: what a client does with it. An address is opened with the key that
is handed out beside it, and with the run token only where there is none. A simulator or a key without an entry
fails the first test.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncssh
import pytest

GRANT = {"grant_type": "client_credentials"}


@dataclass
class Client:
    """What a door's test may use: the sandbox's credentials, and calls without any key of the server."""

    doors: Any
    held: dict[str, Any]
    kit: Any
    basic: Any
    cookie_of: Any

    async def read(self, url: str, token: str | None = None, **headers: str) -> Any:
        return await self.doors.call("GET", url, token, headers=headers)

    async def with_run_token(self, url: str) -> int:
        return int((await self.read(url, self.doors.run.token)).status)


async def fhir_base(client: Client) -> bool:
    """The base with what the client's own id and secret get."""
    token = await client.doors.token()
    public = await client.read(f"{client.held['fhir_base_url']}/metadata")
    return public.status == (await client.read(f"{client.held['fhir_base_url']}/Patient", token)).status == 200


async def fhir_client(client: Client) -> bool:
    """The id and the secret at the token URL, by HTTP Basic and in the form."""
    held = client.held
    form = {**GRANT, "client_id": held["client_id"], "client_secret": held["client_secret"]}
    ways = [
        await client.doors.ask(held["token_url"], form),
        await client.doors.ask(
            held["token_url"], GRANT, Authorization=client.basic(held["client_id"], held["client_secret"])
        ),
    ]
    return all(answer.status == 200 and answer.json["access_token"] for answer in ways)


async def payer_client(client: Client) -> bool:
    """The payer's own client at its own token URL; what it gets opens its FHIR API, and nothing else of the payer's."""
    held = client.held
    form = {**GRANT, "client_id": held["client_id"], "client_secret": held["client_secret"]}
    given = await client.doors.ask(held["token_url"], form)
    token = given.json["access_token"]
    opened = await client.read(f"{held['fhir_url']}/Questionnaire", token)
    return opened.status == 200 and (await client.read(f"{held['api_url']}/patients", token)).status == 401


async def portal_page(client: Client) -> bool:
    """The address leads to the log-in."""
    page = await client.read(client.held["portal_url"])
    return page.status == 200 and b'action="./login"' in page.body


async def portal_user(client: Client) -> bool:
    """Name and password at the log-in, then the cookie at the REST root."""
    cookie = client.cookie_of(await client.doors.log_in())
    return (await client.read(f"{client.held['api_url']}/patients", **cookie)).status == 200


async def hl7_receiver(client: Client) -> bool:
    """A message addressed to the engine by its own name is acknowledged in that name."""
    names = client.held["receiving_application"], client.held["receiving_facility"]
    payload = client.kit.adt.format(control="C1", family="Smith").replace("|C|D|", f"|{names[0]}|{names[1]}|")
    sent = await client.doors.call(
        "POST", client.held["outbound_url"], client.doors.run.token, json={"payload": payload}
    )
    return sent.json["ack_code"] == "AA" and tuple(sent.json["ack"].split("|")[2:4]) == names


async def hl7_port(client: Client) -> bool:
    """A message at the port, which is open since the start, is acknowledged, whomever it names."""
    now = (await client.doors.live.get(f"/sandboxes/{client.doors.sandbox_id('Hl7')}"))["credentials"]
    reader, writer = await asyncio.open_connection(client.held["mllp_host"], now["mllp_port"])
    message = client.kit.adt.format(control="C1", family="Smith")
    writer.write(b"\x0b" + message.encode() + b"\x1c\x0d")
    answer = await reader.readuntil(b"\x1c\x0d")
    writer.close()
    return client.held["mllp_port"] is None and b"MSA|AA|C1" in answer


async def files_root(client: Client) -> bool:
    """The root of the tree is where `files_url` begins."""
    found = await client.read(client.held["files_url"] + client.held["root"], client.doors.run.token)
    return found.status == 200 and b"inbox" in found.body


async def sftp_user(client: Client) -> bool:
    """Name and password over SFTP, at the server whose key is the one that was told."""
    held = client.held
    known = asyncssh.import_known_hosts(f"[{held['sftp_host']}]:{held['sftp_port']} {held['host_key']}\n")
    async with asyncssh.connect(
        held["sftp_host"],
        held["sftp_port"],
        username=held["username"],
        password=held["password"],
        known_hosts=known,
        config=None,
        client_keys=None,
        agent_path=None,
    ) as connection:
        shown = connection.get_server_host_key().get_fingerprint()
        return shown == held["host_key_fingerprint"] and await (await connection.start_sftp_client()).exists("inbox")


async def clearinghouse(client: Client) -> bool:
    """An interchange for the receiver that is named is answered at the address, in that name."""
    held, token = client.held, client.doors.run.token
    head = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*"
    text = f"{head}{held['receiver_id']:15}*260423*0900*^*00501*000000001*0*T*:~TA1*000000001*260423*0900*A*000~"
    raw = {"Content-Type": "application/edi-x12"}
    sent = await client.doors.call(
        "POST", held["submission_url"], token, body=f"{text}IEA*0*000000001~".encode(), headers=raw
    )
    return sent.status == 200 and f"*ZZ*{held['receiver_id']:15}*ZZ*CLINIC".encode() in sent.body


async def eligibility(client: Client) -> bool:
    """Whether a member is covered is said at its own address."""
    body = {"member_id": "M1", "birth_date": "1970-01-01"}
    sent = await client.doors.call("POST", client.held["eligibility_url"], client.doors.run.token, json=body)
    return sent.status == 200 and sent.json["coverage"]["status"] == "active"


def address(key: str) -> Any:
    """An address that has no credential of its own: with the run token."""

    async def opens(client: Client) -> bool:
        return await client.with_run_token(client.held[key]) == 200

    return opens


DOORS: dict[str, dict[str, Any]] = {
    "Fhir": {
        "fhir_base_url": fhir_base,
        "token_url": fhir_client,
        "client_id": fhir_client,
        "client_secret": fhir_client,
    },
    "Hl7": {
        "inbox_url": address("inbox_url"),
        "outbound_url": hl7_receiver,
        "receiving_application": hl7_receiver,
        "receiving_facility": hl7_receiver,
        "mllp_host": hl7_port,
        "mllp_port": hl7_port,
    },
    "Files": {
        "root": files_root,
        "inbox_url": address("inbox_url"),
        "files_url": address("files_url"),
        "sftp_host": sftp_user,
        "sftp_port": sftp_user,
        "username": sftp_user,
        "password": sftp_user,
        "host_key": sftp_user,
        "host_key_fingerprint": sftp_user,
    },
    "Payer": {
        "portal_url": portal_page,
        "api_url": portal_user,
        "username": portal_user,
        "password": portal_user,
        **dict.fromkeys(("fhir_url", "token_url", "client_id", "client_secret"), payer_client),
    },
    "Clearinghouse": {
        "submission_url": clearinghouse,
        "responses_url": address("responses_url"),
        "eligibility_url": eligibility,
        "receiver_id": clearinghouse,
    },
}


async def test_every_credential_has_its_door(doors, registry):
    assert {simulator.type for simulator in registry.simulators} == set(DOORS)
    for kind, keys in DOORS.items():
        assert set(doors.credentials(kind)) == set(keys), kind


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in DOORS.items() for key in keys])
async def test_it_opens(doors, kit, http_basic, kept, kind, key):
    assert await DOORS[kind][key](Client(doors, doors.credentials(kind), kit, http_basic, kept))


@pytest.mark.parametrize("kind", DOORS)
async def test_the_direct_form_of_the_credentials_opens_the_same_doors(doors, kit, http_basic, kept, kind):
    """`GET /sandboxes/{id}` shows them with direct addresses; secrets are the same."""
    direct = (await doors.live.get(f"/sandboxes/{doors.sandbox_id(kind)}"))["credentials"]
    handed_out = doors.credentials(kind)
    assert set(direct) == set(handed_out)
    for key, value in direct.items():
        if key == "mllp_port":  # open since the start
            continue
        is_address = key.endswith("_url")
        assert (value == handed_out[key]) is not is_address, key
        if not is_address:
            continue
        assert value.startswith(f"{doors.live.url}/sandboxes/{doors.sandbox_id(kind)}/")
    if kind == "Fhir":
        token = await doors.token(url=direct["token_url"])
        assert (await doors.call("GET", f"{direct['fhir_base_url']}/Patient", token)).status == 200
    if kind == "Payer":
        cookie = kept(await doors.log_in(f"/sandboxes/{doors.sandbox_id(kind)}"))
        assert (await doors.call("GET", f"{direct['api_url']}/patients", headers=cookie)).status == 200
