"""How a group of units becomes one transaction, and what happens when SQLite refuses a part of it.

Everything here is written as generators of calls: `store` yields SQL with its values and is sent on, or has the error
of the call thrown into it. So the one order of things serves the event loop, which makes the calls itself, and SQLite's
thread, to which they are handed one by one (`writer.py`).
"""

from collections.abc import Generator, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from sandbox.record.refusals import is_full, is_own_fault
from sandbox.record.units import Statement, Unit

Call: TypeAlias = tuple[str, Sequence[Any]]
Calls: TypeAlias = Generator[Call, None, None]

_ROWS_AT_ONCE = 100
_NOTHING: tuple[Any, ...] = ()


def store(units: Sequence[Unit]) -> Calls:
    """Store the units; those that SQLite refuses are left with their `error`, and what their owner did after them.

    Raises the error of a call when the medium is at fault. What is stored by then, or refused, is not tried again.
    """
    left = [unit for unit in units if not unit.is_stored and unit.error is None]
    try:
        yield from _together(left)
    except Exception as error:
        if not is_own_fault(error) and not is_full(error):
            raise
        if len(left) > 1:  # one of them is at fault: each by itself
            yield from _each(left)
        else:
            left[0].error = error
    else:
        for unit in left:
            unit.is_stored = True


def _each(units: Sequence[Unit]) -> Calls:
    refused: dict[str, Exception] = {}
    for unit in units:
        unit.error = next((refused[owner] for owner in unit.owners if owner in refused), None)
        if unit.error is None:
            yield from store((unit,))
        if unit.error is not None:
            refused.update(dict.fromkeys(unit.owners, unit.error))


def _together(units: Sequence[Unit]) -> Calls:
    calls = _calls(units)
    if len(calls) == 1:  # a transaction by itself
        yield calls[0]
        return
    if not calls:
        return
    yield "BEGIN IMMEDIATE", _NOTHING
    try:
        yield from calls
        yield "COMMIT", _NOTHING
    except Exception:
        yield "ROLLBACK", _NOTHING
        raise


def _calls(units: Iterable[Unit]) -> list[Call]:
    """Return the calls that store units, in order; neighbouring inserts of the same kind become one of many rows.

    One statement of thirty rows is far cheaper than thirty of one.
    """
    calls: list[Call] = []
    sql = ""
    rows: list[Sequence[Any]] = []
    for unit in units:
        for statement in unit.statements:
            if statement[0] != sql or len(rows) == _ROWS_AT_ONCE or not _is_plain_insert(sql):
                if rows:
                    calls.append(_call(sql, rows))
                sql, rows = statement[0], []
            rows.append(statement[1])
    if rows:
        calls.append(_call(sql, rows))
    return calls


def _call(sql: str, rows: list[Sequence[Any]]) -> Call:
    if len(rows) == 1:
        return sql, rows[0]
    return _of_rows(sql, len(rows)), [value for row in rows for value in row]


@lru_cache(maxsize=256)
def _is_plain_insert(sql: str) -> bool:
    values = sql[sql.rfind("(") :]
    return sql.startswith("INSERT") and set(values) <= set("(?, )")


@lru_cache(maxsize=4 * _ROWS_AT_ONCE)
def _of_rows(sql: str, count: int) -> str:
    values = sql[sql.rfind("(") :]
    return f"{sql}{f', {values}' * (count - 1)}"


def statements_size(statements: Iterable[Statement]) -> int:
    """Return how many bytes the values of statements come to, about."""
    return sum(len(value) for _, values in statements for value in values if isinstance(value, str | bytes))
