"""The one worker process: searches with Python's `re` what has no bound in time, and is ended when it takes too long.

It imports nothing of ours, gets one request a line and answers in one, and ends when nobody is there to ask.
"""

import atexit
import json
import select
import subprocess
import sys
import threading
from typing import Final

LIMIT_S: Final = 1.0
START_S: Final = 10.0

_PROGRAM: Final = """
import json, re, sys
print("ready", flush=True)
for line in sys.stdin:
    pattern, text, flags = json.loads(line)
    print(int(re.search(pattern, text, flags) is not None), flush=True)
"""


class Worker:
    """A process that searches, begun when it is first needed; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def search(self, pattern: str, text: str, *, ignore_case: bool = False) -> bool | None:
        """Whether the pattern is found in the text; None when that takes longer than `LIMIT_S`."""
        line = json.dumps([pattern, text, 2 if ignore_case else 0]).encode() + b"\n"
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._process = self._begin()
            assert process.stdin is not None
            try:
                process.stdin.write(line)
                process.stdin.flush()
                answer = self._answer(process, LIMIT_S)
            except OSError:
                answer = b""
            if answer not in (b"0\n", b"1\n"):
                self.stop()
                return None
            return answer == b"1\n"

    def stop(self) -> None:
        """End the process; the next search begins another one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue

    def _begin(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=-1
        )
        self._answer(process, START_S)
        return process

    @staticmethod
    def _answer(process: "subprocess.Popen[bytes]", seconds: float) -> bytes:
        assert process.stdout is not None
        is_there, _, _ = select.select([process.stdout], [], [], seconds)
        return process.stdout.readline() if is_there else b""


_worker: Final = Worker()
search: Final = _worker.search
stop: Final = _worker.stop
atexit.register(stop)
