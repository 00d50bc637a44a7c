"""What is to be delivered, in order for each Subscription, and what came of each attempt.

A row of `<prefix>/_notifications` is put by the interaction that changed the resource, so that neither is ever without
the other, and goes when it is delivered. The next of a Subscription waits until the one before was taken. What is under
way when the server ends is sent again: at least once. A fork delivers what happens in it; what waited when it was made
is its original's to deliver.

Attempts fail, too, by the playground's clock: after each of `SCHEDULE` it is tried once more, then the Subscription is
in error. A seed gives every attempt its time, as it was due: how long a network takes moves neither clock nor ids.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sandbox import limits, work
from sandbox.clock import format_instant, parse_instant
from sandbox.errors import SandboxError, TooCostly, Unavailable
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.subscriptions import lifecycle
from sandbox.subscriptions.channel import Sent, recorded, request_of
from sandbox.subscriptions.home import Changed, Home
from sandbox.subscriptions.lifecycle import rows_of, waiting_of
from sandbox.subscriptions.rules import TYPE

SCHEDULE: Final = (5, 30, 120, 600)
TIMEOUT_S: Final = 10
_QUEUED: Final = 40  # units of work: a document that is written, stored, delivered and gone
DELIVERED, PENDING, ERROR, DROPPED = "delivered", "pending", "error", "dropped"


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt that is due."""

    subscription_id: str
    number: int
    attempt: int
    changed: Changed
    sent: Sent
    body: bytes
    row: Json


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: an answer, or why there is none. `body` may be the beginning only."""

    status: int | None = None
    content_type: str | None = None
    body: Json = None
    error: str | None = None


def notify(tx: Interaction, home: Home, changed: Sequence[Changed]) -> None:
    """Queue what an interaction changed for every active Subscription whose criteria find it."""
    if not changed:
        return
    queued, failed = [], []
    for subscription_id, row in tx.branch.items(rows_of(home.prefix)):
        if row["activation"] is not None:
            continue
        try:
            found = home.matching(tx, home.get(tx, subscription_id)["criteria"], changed)
        except (TooCostly, Unavailable):
            raise
        except SandboxError as error:  # what was a search when it was asked for is none any more
            failed.append((subscription_id, f"The criteria cannot be searched: {error.message}"))
            continue
        work.spend(_QUEUED * len(found))  # before the first is queued
        if row["next"] - row["first"] + len(found) > limits.NOTIFICATIONS:
            said = f"More than {limits.NOTIFICATIONS:,} notifications wait for the endpoint; none of them is kept."
            failed.append((subscription_id, said))
        elif found:
            queued.append((subscription_id, row, found))
    for subscription_id, row, found in queued:
        _queue(tx, home, subscription_id, row, found)
    for subscription_id, said in failed:
        lifecycle.fail(tx, home, subscription_id, said, tx.now_text)


def _queue(tx: Interaction, home: Home, subscription_id: str, row: Json, found: Sequence[Changed]) -> None:
    collection, at, number = waiting_of(home.prefix), tx.now_text, row["next"]
    for one in found:
        waiting = {"type": one.type, "id": one.id, "version": one.version, "at": at, "step": tx.step}
        tx.put(collection, f"{subscription_id}/{number}", waiting)
        number += 1
    tx.put(rows_of(home.prefix), subscription_id, {**row, "next": number})


def due_jobs(tx: Interaction, home: Home, busy: Collection[str]) -> Iterator[Job]:
    """Yield the attempts that are due now, one for each Subscription but those that are busy; reads only."""
    for subscription_id, row in tx.branch.items(rows_of(home.prefix)):
        if subscription_id in busy or row["activation"] is not None:
            continue
        head = _head(tx, home, subscription_id, row)
        moment = None if head is None else _again_at(row, head[0])
        if head is not None and (moment is None or moment <= tx.now):
            yield _job(tx, home, subscription_id, row, *head)


def next_attempt_at(tx: Interaction, home: Home, busy: Collection[str] = ()) -> datetime | None:
    """Return when something that was not taken is tried again, but for what is busy; None where nothing waits."""
    if not lifecycle.are_asked(tx.branch, home.prefix):
        return None
    moments = []
    for subscription_id, row in tx.branch.items(rows_of(home.prefix)):
        if subscription_id not in busy and row["next_attempt_at"] is not None:
            head = _head(tx, home, subscription_id, row)
            moments.append(None if head is None else _again_at(row, head[0]))
    return min((moment for moment in moments if moment is not None), default=None)


def settle(tx: Interaction, home: Home, job: Job, outcome: Outcome) -> Json:
    """Record what came of an attempt; return what is told of it."""
    tx.stand_still()
    row = tx.get(rows_of(home.prefix), job.subscription_id)
    waiting = tx.get(waiting_of(home.prefix), f"{job.subscription_id}/{job.number}")
    error = outcome.error or _problem(outcome.status)
    next_at = None
    if row is None or waiting != job.row or job.number < row["first"]:
        state = DELIVERED if error is None else DROPPED  # it was turned off, or deleted, meanwhile
    elif error is None:
        state = DELIVERED
        _go_on(tx, home, job, {**row, "last_at": format_instant(_nominal(tx, row, job))})
    elif _attempts(row, job.number) + 1 != job.attempt:
        state = PENDING  # it was asked for anew meanwhile, and is tried from the start
    elif job.attempt > len(SCHEDULE):
        state = ERROR
        said = f"{job.attempt} attempts to deliver {job.changed.reference} failed; the last: {error}"
        lifecycle.fail(tx, home, job.subscription_id, said, format_instant(_nominal(tx, row, job)))
    else:
        state = PENDING
        wait = timedelta(seconds=SCHEDULE[job.attempt - 1])
        next_at = format_instant(_nominal(tx, row, job) + wait)
        tried = {"tried": job.number, "attempts": job.attempt, "next_attempt_at": next_at}
        tx.put(rows_of(home.prefix), job.subscription_id, {**row, **tried})
    return {
        "subscription": f"{TYPE}/{job.subscription_id}",
        "resource": job.changed.reference,
        "attempt": job.attempt,
        "state": state,
        "method": job.sent.method,
        "url": job.sent.url,
        "headers": recorded(job.sent.headers),
        "status": outcome.status,
        "content_type": outcome.content_type,
        "answer": outcome.body,
        "error": error,
        "next_attempt_at": next_at,
    }


def _go_on(tx: Interaction, home: Home, job: Job, row: Json) -> None:
    for number in range(row["first"], job.number + 1):
        tx.delete(waiting_of(home.prefix), f"{job.subscription_id}/{number}")
    fresh = {"first": job.number + 1, "tried": None, "attempts": 0, "next_attempt_at": None}
    tx.put(rows_of(home.prefix), job.subscription_id, {**row, **fresh})


def _head(tx: Interaction, home: Home, subscription_id: str, row: Json) -> tuple[int, Json] | None:
    for number in range(row["first"], row["next"]):
        waiting = tx.get(waiting_of(home.prefix), f"{subscription_id}/{number}")
        if waiting is not None and waiting["step"] > tx.inherited_steps:
            return number, waiting
    return None


def _attempts(row: Json, number: int) -> int:
    """Return how often a notification was tried; the one that was need not be a fork's own."""
    return int(row["attempts"]) if row["tried"] == number else 0


def _again_at(row: Json, number: int) -> datetime | None:
    """Return when it is tried again, None where it was not tried yet."""
    return parse_instant(row["next_attempt_at"]) if row["tried"] == number else None


def _job(tx: Interaction, home: Home, subscription_id: str, row: Json, number: int, waiting: Json) -> Job:
    changed = Changed(waiting["type"], waiting["id"], waiting["version"])
    channel = home.get(tx, subscription_id)["channel"]
    sent = request_of(channel, changed.type, changed.id)
    body = (home.read(tx, changed) or b"") if sent.method == "PUT" else b""
    return Job(subscription_id, number, _attempts(row, number) + 1, changed, sent, body, waiting)


def _problem(status: int | None) -> str | None:
    if status is None or 200 <= status < 300:
        return None
    return f"It answered {status}" + ("; redirects are not followed." if 300 <= status < 400 else ".")


def _nominal(tx: Interaction, row: Json, job: Job) -> datetime:
    """Return when an attempt takes place: now, or in a seeded run when it was to."""
    if not tx.is_seeded:
        return tx.now
    known = [parse_instant(text) for text in (job.row["at"], row["last_at"]) if text is not None]
    again = _again_at(row, job.number)
    return max(known if again is None else [*known, again])
