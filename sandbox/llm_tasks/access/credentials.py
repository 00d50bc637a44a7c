"""Keys, clients and tokens: how they are made and ended, and who comes with one.

Bearers: an organization key may do everything; a key or access token made in a project does so there;
a task's own token may run that task; a run token (extension) may look and run, so that an agent needs
no second credential. Only hashes of what is made here are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt

from sandbox import ids, jsonio, keys
from sandbox.clock import Clock, format_micros
from sandbox.jsonio import Json
from sandbox.llm_tasks.access.caller import EVERYTHING, LOOK_AND_RUN, Caller
from sandbox.llm_tasks.errors import BadCredentials, not_found
from sandbox.llm_tasks.server_links import ServerLinks
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID, USER_ID, Task
from sandbox.record.reader import Reader
from sandbox.record.writer import Statement, Writer
from sandbox.wire.authorization import bearer_token

ACCESS_TOKEN_LIFETIME_S: Final = 3600
_AUDIENCE: Final = "https://aud.rightbrain.ai/tasks/"
_ALGORITHM: Final = "HS256"


@dataclass(frozen=True, slots=True)
class Credential:
    """A stored key, client or token."""

    id: str
    project_id: str
    kind: str
    body: Json
    created: str
    expires: str | None = None
    revoked: str | None = None


class Access:
    """All credentials of the task API, by hash."""

    def __init__(self, links: ServerLinks, writer: Writer, clock: Clock) -> None:
        self._links = links
        self._writer = writer
        self._clock = clock
        self._by_hash: dict[str, Credential] = {}
        self._secret = ""

    async def open(self, reader: Reader) -> None:
        """Load what is stored; make the signing key on a first start."""
        for row in await reader.rows("SELECT * FROM llm_credentials WHERE revoked IS NULL"):
            body = jsonio.parse(row["body"])
            self._by_hash[row["hash"]] = Credential(
                row["id"], row["project_id"], row["kind"], body, row["created"], row["expires"]
            )
        found = await reader.row("SELECT value FROM llm_secrets WHERE name = 'task_tokens'")
        self._secret = found["value"] if found is not None else ids.new_secret("", 64)
        if found is None:
            await self._writer.write(
                [("INSERT INTO llm_secrets (name, value) VALUES ('task_tokens', ?)", (self._secret,))]
            )

    # -- who calls -------------------------------------------------------------------------------

    def caller(self, authorization: str | None) -> Caller:
        """Return who an `Authorization` header stands for. Raises `BadCredentials`."""
        token = bearer_token(authorization)
        if not token:
            raise BadCredentials
        if self._links.is_organization_key(token):
            return Caller(USER_ID, None, EVERYTHING, token)
        owner = self._links.of_run_token(token)
        if owner is not None:
            return Caller(USER_ID, PROJECT_ID, LOOK_AND_RUN, token, owner=owner)
        credential = self._by_hash.get(keys.hash_key(token))
        if credential is not None and credential.kind != "oauth_client" and not self._is_over(credential):
            return Caller(USER_ID, credential.project_id, EVERYTHING, token)
        claims = self._claims(token)
        if claims is not None:
            task_id = claims["aud"][0].removeprefix(_AUDIENCE)
            return Caller(USER_ID, claims["ext"]["project_id"], frozenset({"task:run_task"}), token, task_id=task_id)
        raise BadCredentials

    def _is_over(self, credential: Credential) -> bool:
        return credential.expires is not None and credential.expires <= format_micros(self._clock.now())

    def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secret, algorithms=[_ALGORITHM], options={"verify_aud": False, "verify_iat": False}
            )
        except jwt.PyJWTError:
            return None
        return claims

    def task_token(self, task: Task) -> str:
        """Return the token that runs a task and nothing else."""
        claims = {
            "ext": {"org_id": ORGANIZATION_ID, "project_id": task.project_id},
            "aud": [f"{_AUDIENCE}{task.id}"],
            "sub": task.id,
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    # -- making credentials ----------------------------------------------------------------------

    async def create_api_key(self, project_id: str, name: str) -> Json:
        """Make a key; it is shown this once."""
        key = ids.new_secret(keys.TASK_API_KEY_PREFIX)
        body = {"name": name, "prefix": key[:8]}
        credential = await self._keep(project_id, "api_key", key, body)
        return {**_show(credential), "key": key}

    async def create_client(self, project_id: str, name: str) -> Json:
        """Make an OAuth client; its secret is shown this once."""
        secret = ids.new_secret(keys.TASK_API_SECRET_PREFIX)
        body = {
            "name": name,
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "client_secret_basic",
        }
        credential = await self._keep(project_id, "oauth_client", secret, body)
        return {**_show(credential), "client_id": credential.id, "client_secret": secret}

    async def exchange(self, client_id: str, client_secret: str) -> Json:
        """Give an access token for a client's credentials, or for an organization key used as secret.

        Raises `BadCredentials`.
        """
        client = self._by_hash.get(keys.hash_key(client_secret))
        if client is not None and client.kind == "oauth_client" and client.id == client_id:
            project_id = client.project_id
        elif self._links.is_organization_key(client_secret):
            project_id = PROJECT_ID
        else:
            raise BadCredentials("Client authentication failed")
        self._by_hash = {digest: c for digest, c in self._by_hash.items() if not self._is_over(c)}
        token = ids.new_secret(keys.TASK_API_TOKEN_PREFIX, 40)
        await self._keep(project_id, "access_token", token, {"client_id": client_id[:100]}, ACCESS_TOKEN_LIFETIME_S)
        return {
            "access_token": token,
            "expires_in": ACCESS_TOKEN_LIFETIME_S - 1,
            "scope": "api.read api.write",
            "token_type": "bearer",
        }

    def list(self, project_id: str, kind: str) -> Sequence[Json]:
        """Return a project's keys or clients, newest first, without their secrets."""
        found = [c for c in self._by_hash.values() if c.project_id == project_id and c.kind == kind]
        return [_show(c) for c in sorted(found, key=lambda c: (c.created, c.id), reverse=True)]

    async def revoke(self, project_id: str, kind: str, key_id: str) -> Json:
        """Make a key or client worthless at once. Raises `NotFound`."""
        for digest, credential in self._by_hash.items():
            if (credential.id, credential.project_id, credential.kind) == (key_id, project_id, kind):
                issued = [d for d, c in self._by_hash.items() if c.body.get("client_id") == key_id]
                now = format_micros(self._clock.now())
                gone = [digest, *issued]
                for one in gone:
                    del self._by_hash[one]
                await self._writer.write(
                    [("UPDATE llm_credentials SET revoked = ? WHERE hash = ?", (now, d)) for d in gone]
                )
                return {**_show(credential), "revoked": now}
        raise not_found(kind.replace("_", " "), key_id)

    async def _keep(
        self, project_id: str, kind: str, secret: str, body: Json, lifetime_s: float | None = None
    ) -> Credential:
        now = self._clock.now()
        expires = format_micros(now + timedelta(seconds=lifetime_s)) if lifetime_s is not None else None
        credential = Credential(ids.new_uuid(), project_id, kind, body, format_micros(now), expires)
        digest = keys.hash_key(secret)
        self._by_hash[digest] = credential
        statement: Statement = (
            "INSERT INTO llm_credentials (id, project_id, kind, hash, body, created, expires) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (credential.id, project_id, kind, digest, jsonio.dump(body).decode(), credential.created, expires),
        )
        await self._writer.write([statement])
        return credential


def _show(credential: Credential) -> dict[str, Json]:
    return {
        "id": credential.id,
        "project_id": credential.project_id,
        **credential.body,
        **({"oauth_client_id": None} if credential.kind == "api_key" else {}),
        "created": credential.created,
    }
