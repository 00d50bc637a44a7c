"""A medium under a writer that can be told to fail or to be slow: its connections, with something in between."""

import asyncio
import sqlite3
import time


class Medium:
    """Stands between a writer and SQLite; `delay_s` goes by before every statement, `error` is raised by it.

    `find_error` may be replaced by something that finds another one each time.
    """

    def __init__(self, writer):
        self.error = None
        self._is_inside = False
        self.find_error = lambda: self.error
        self.delay_s = 0.0
        self.on_loop = self.on_thread = 0
        writer._quick, writer._slow = _Quick(writer._quick, self), _Slow(writer._slow, self)

    def counts(self, sql):
        """Whether a statement begins a transaction, or is one by itself, that is not the keeper's alone."""
        if self.find_error() is not None:
            self._is_inside = False
            return True
        is_inside, self._is_inside = (
            self._is_inside,
            sql == "BEGIN IMMEDIATE" or (self._is_inside and sql not in ("COMMIT", "ROLLBACK")),
        )
        return not is_inside and "record_state" not in sql


class _Quick:
    def __init__(self, connection, medium):
        self._connection, self._medium = connection, medium

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def execute(self, sql, values=()):
        self._medium.on_loop += self._medium.counts(sql)
        time.sleep(self._medium.delay_s)
        error = self._medium.find_error()
        if error is not None:
            raise error
        return self._connection.execute(sql, values)


class _Slow:
    def __init__(self, connection, medium):
        self._connection, self._medium = connection, medium

    def __getattr__(self, name):
        return getattr(self._connection, name)

    async def execute(self, sql, values=()):
        self._medium.on_thread += self._medium.counts(sql)
        await asyncio.sleep(self._medium.delay_s)
        error = self._medium.find_error()
        if error is not None:
            raise error
        return await self._connection.execute(sql, values)


def failure(name, message):
    """An error as SQLite raises it."""
    error = sqlite3.OperationalError(message)
    error.sqlite_errorname, error.sqlite_errorcode = name, getattr(sqlite3, name)
    return error
