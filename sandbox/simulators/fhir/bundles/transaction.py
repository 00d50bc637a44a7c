"""Transactions: identities, references and order (R4, RESTful API, "Transaction Processing Rules").

1. Every entry is validated; what is wrong anywhere refuses the whole Bundle, all problems at once.
2. Identities: a create gets its id, a condition (`ifNoneExist`, `PUT Type?…`) finds its resource.
3. No resource may be written twice.
4. Patches are worked out: a resource is written once at most, so what they change is there, and what they bring is
   part of the Bundle like every other resource.
5. References to other entries are rewritten to those identities.
6. Entries run in the order DELETE, POST, PUT and PATCH, GET and HEAD.
7. Conditional references (`Patient?identifier=…`) are resolved against the state that results.
"""

from collections.abc import Iterable, Set
from typing import Final

from sandbox.errors import PreconditionFailed, SandboxError
from sandbox.r4.issues import Issue, refusal
from sandbox.r4.validation.literals import parse_conditional
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.bundles.entry import (
    ORDER,
    Entry,
    carry_out_entry,
    check_entry,
    kind_of_or_none,
    work_out_patch,
)
from sandbox.simulators.fhir.bundles.references import References
from sandbox.simulators.fhir.rest import conditions
from sandbox.simulators.fhir.rest.calls import Call, Query, answer_of, at_entry
from sandbox.simulators.fhir.rest.conditional import target_of_patch, target_of_update

_ISSUES_MAX: Final = 200


def carry_out(call: Call, entries: list[Entry], urls: Set[str]) -> None:
    """Carry out all entries, leaving each its answer; raises for the first that fails. `urls` are their fullUrls."""
    _check_all(entries)
    ordered = sorted(entries, key=lambda e: ORDER[e.call.method])
    deletions = [e for e in ordered if e.call.method == "DELETE"]
    _identify_all(deletions)
    _run(deletions)
    _identify_all(e for e in ordered if e.call.method != "DELETE")
    _check_overlap(entries)
    for entry in entries:
        try:
            work_out_patch(entry, urls, allows_conditional=True)
        except SandboxError as error:
            raise _named(error, entry) from None
    references = References(call, entries)
    for entry in entries:
        references.rewrite(entry)
    _resolve_conditional(ordered)
    _run(e for e in ordered if e.call.method != "DELETE")


def _check_all(entries: list[Entry]) -> None:
    issues: list[Issue] = []
    status: SandboxError | None = None
    for entry in entries:
        try:
            check_entry(entry)
            entry.call.table.served(entry.call.path, entry.call.method)
        except SandboxError as error:
            moved = at_entry(error, entry.call.at or "")
            status = status or moved
            issues += moved.context["issues"]
    if status is None:
        return
    if len(issues) > len(status.context["issues"]):
        raise refusal(issues[:_ISSUES_MAX])
    raise status


def _named(error: SandboxError, entry: Entry) -> SandboxError:
    """Return the error with the failing entry in its message."""
    at = entry.call.at or ""
    moved = at_entry(error, at) if "issues" not in error.context else error
    prefix = f"The transaction failed at {entry.label} and nothing was changed: "
    first, *others = moved.context["issues"]
    text = Issue(first.code, prefix + first.diagnostics, first.expression, first.severity)
    moved.context["issues"] = (text, *others)
    moved.message = prefix + moved.message
    return moved


def _run(entries: Iterable[Entry]) -> None:
    for entry in entries:
        if entry.answer is not None:
            continue
        try:
            entry.answer = carry_out_entry(entry)
        except SandboxError as error:
            raise _named(error, entry) from None


def _identify_all(entries: Iterable[Entry]) -> None:
    for entry in entries:
        try:
            _identify(entry)
        except SandboxError as error:
            raise _named(error, entry) from None


def _identify(entry: Entry) -> None:
    """Find or mint the id that an entry's resource will have."""
    call = entry.call
    kind = kind_of_or_none(call)
    if call.method == "POST" and kind == "type":
        [resource_type] = call.path
        condition = conditions.of_create(call)
        existing = None
        if condition is not None:
            existing = conditions.match_of(call, resource_type, condition, "ifNoneExist")
        if existing is not None:
            entry.assigned_id, call.tolerated = existing, ()
            entry.answer = answer_of(call, state.read(call.tx.branch, resource_type, existing), 200)
        else:
            entry.assigned_id = call.assigned_id = call.tx.new_id()
    elif call.method == "PUT" and kind == "type":
        call.assigned_id = entry.assigned_id = target_of_update(call)
    elif call.method == "PATCH" and kind == "type":
        call.assigned_id = entry.assigned_id = target_of_patch(call)
    elif call.method == "DELETE" and kind == "type":
        call.deleted_ids = tuple(conditions.matches_of(call, call.path[0], call.query, "A conditional delete"))
    elif call.method == "DELETE" and kind == "instance":
        call.deleted_ids = (call.path[1],)
    elif call.method in ("PUT", "PATCH", "GET") and kind == "instance":
        entry.assigned_id = call.path[1]


def _check_overlap(entries: list[Entry]) -> None:
    taken: dict[tuple[str, str], Entry] = {}
    asked: dict[tuple[str, Query], Entry] = {}
    for entry in entries:
        call = entry.call
        condition = _unmet(entry)
        if condition is not None:
            other = asked.setdefault((call.path[0], condition), entry)
            if other is not entry:
                text = f"Entry {other.index} has the same condition, which nothing matches yet: both would create it."
                raise _named(refusal([Issue("duplicate", text, call.at)]), entry)
        if call.method == "POST" and entry.answer is not None:
            continue  # a conditional create that found its resource writes nothing
        if call.method not in ("POST", "PUT", "PATCH", "DELETE") or len(call.path) not in (1, 2):
            continue
        ids = [entry.assigned_id] if entry.assigned_id else []
        if call.method == "DELETE":
            ids = list(call.deleted_ids or ())
        for resource_id in ids:
            key = (call.path[0], resource_id)
            other = taken.setdefault(key, entry)
            if other is not entry:
                text = f"{key[0]}/{key[1]} is written by entry {other.index} too; a transaction writes it once at most."
                raise _named(refusal([Issue("duplicate", text, call.at)]), entry)


def _unmet(entry: Entry) -> Query | None:
    """Return the condition of an entry that creates a resource because nothing matches it."""
    call = entry.call
    if call.method not in ("POST", "PUT") or kind_of_or_none(call) != "type" or entry.answer is not None:
        return None
    condition = conditions.of_create(call) if call.method == "POST" else call.query
    if condition is None or (call.method == "PUT" and _is_there(entry)):
        return None
    return tuple(sorted(conditions.criteria(condition, "The condition", call.path[0], call.base)))


def _is_there(entry: Entry) -> bool:
    assert entry.assigned_id is not None
    return state.find_document(entry.call.tx.branch, entry.call.path[0], entry.assigned_id) is not None


def _resolve_conditional(ordered: list[Entry]) -> None:
    """Replace conditional references, which may also mean resources that this transaction writes."""
    waiting = [
        (entry, link)
        for entry in ordered
        for link in entry.links
        if link.kind == "reference" and parse_conditional(link.text) is not None
    ]
    if not waiting:
        return
    tx = ordered[0].call.tx
    savepoint = tx.savepoint()
    before = [(e, e.answer) for e in ordered]
    _run(e for e in ordered if e.call.method in ("POST", "PUT", "PATCH"))
    found = []
    for entry, link in waiting:
        resource_type, condition = parse_conditional(link.text) or ("", "")
        try:
            match = conditions.match_of(entry.call, resource_type, condition, "A conditional reference")
            if match is None:
                message = f'The conditional reference "{link.text}" matches no {resource_type}.'
                raise PreconditionFailed(message, issue_type="not-found")
        except SandboxError as error:
            raise _named(error, entry) from None
        found.append((link, f"{resource_type}/{match}"))
    tx.rollback(savepoint)
    for entry, answer in before:
        entry.answer = answer
    for link, reference in found:
        link.holder[link.key] = reference
