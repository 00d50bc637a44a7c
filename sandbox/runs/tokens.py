"""Who calls: organization keys, solver keys and run tokens, known only by their hashes."""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox import keys
from sandbox.ids import derived_id, new_id
from sandbox.record.reader import Reader
from sandbox.record.writer import Statement, Writer
from sandbox.settings import Settings

ORGANIZATION_ID = derived_id("org", "default")
SOLVER_ID = derived_id("slv", "default")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a key stands for; `solver_id` is set for solver keys only."""

    organization_id: str
    solver_id: str | None


@dataclass(frozen=True, slots=True)
class StartKeys:
    """The keys to print at start; None for one that is stored already and cannot be shown."""

    api_key: str | None
    solver_key: str | None


class KeyRing:
    """All keys that are valid on this server, by hash."""

    def __init__(self) -> None:
        self._principals: dict[str, Principal] = {}

    def find(self, key: str) -> Principal | None:
        """Return whom an organization or solver key stands for."""
        return self._principals.get(keys.hash_key(key))

    def find_hashed(self, digest: str) -> Principal | None:
        """Return whom the key of a `keys.hash_key` stands for, as long as it is valid."""
        return self._principals.get(digest)

    async def open(self, settings: Settings, reader: Reader, writer: Writer, now_text: str) -> StartKeys:
        """Load the stored keys, making the first ones on a first start."""
        is_local = keys.is_loopback(settings.host)
        well_known = {keys.hash_key(keys.LOCAL_API_KEY), keys.hash_key(keys.LOCAL_SOLVER_KEY)}
        statements: list[Statement] = [
            (
                "INSERT OR IGNORE INTO organizations (id, name, created_at) VALUES (?, ?, ?)",
                (ORGANIZATION_ID, "Local organization", now_text),
            ),
            (
                "INSERT OR IGNORE INTO solvers (id, organization_id, alias, real_name, created_at) "
                "VALUES (?, ?, ?, ?, ?)",
                (SOLVER_ID, ORGANIZATION_ID, "local", "Local agent", now_text),
            ),
        ]
        for row in await reader.rows("SELECT * FROM api_keys WHERE revoked_at IS NULL"):
            if is_local or row["hash"] not in well_known:
                self._principals[row["hash"]] = Principal(row["organization_id"], row["solver_id"])
        kinds = {p.solver_id is not None for p in self._principals.values()}
        api_key = settings.api_key or (keys.LOCAL_API_KEY if is_local else None)
        solver_key = settings.solver_key or (keys.LOCAL_SOLVER_KEY if is_local else None)
        if api_key is None and False not in kinds:
            api_key = keys.new_organization_key()
        if solver_key is None and True not in kinds:
            solver_key = keys.new_solver_key()
        statements += self._add(api_key, keys.ORGANIZATION_PREFIX, None, now_text)
        statements += self._add(solver_key, keys.SOLVER_PREFIX, SOLVER_ID, now_text)
        await writer.write(statements)
        return StartKeys(api_key, solver_key)

    def _add(self, key: str | None, prefix: str, solver_id: str | None, now_text: str) -> Iterable[Statement]:
        if key is None or self.find(key) is not None:
            return
        self._principals[keys.hash_key(key)] = Principal(ORGANIZATION_ID, solver_id)
        kind = "solver" if solver_id else "organization"
        yield (
            "INSERT OR IGNORE INTO api_keys (id, organization_id, solver_id, kind, hash, prefix, suffix, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (new_id("key"), ORGANIZATION_ID, solver_id, kind, keys.hash_key(key), prefix, key[-4:], now_text),
        )
