"""A listener on a socket that answers as a test scripts it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

VT, END = b"\x0b", b"\x1c\r"


def ack(text: str, code: str = "AA", control: str | None = None) -> bytes:
    named = text.split("\r")[0].split("|")[9] if control is None else control
    return f"MSH|^~\\&|AGENT|HERE|X|Y|20260423||ACK|1|P|2.5\rMSA|{code}|{named}|said so\r".encode()


def framed(body: bytes) -> bytes:
    return VT + body + END


Script = Callable[[str, int], list[bytes] | None]


@dataclass
class Listener:
    """`answer(text, number)` gives the writes for the message of that number; None closes without one."""

    answer: Script = lambda text, number: [framed(ack(text))]
    got: list[str] = field(default_factory=list)
    port: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                data = await reader.readuntil(END)
                text = data[1:-2].decode()
                self.got.append(text)
                self.came.set()
                answer = self.answer(text, len(self.got))
                if answer is None:
                    break
                for part in answer:
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    @property
    def controls(self) -> list[str]:
        return [text.split("\r")[0].split("|")[9] for text in self.got]


@asynccontextmanager
async def listening(answer: Script | None = None, port: int = 0) -> AsyncIterator[Listener]:
    listener = Listener() if answer is None else Listener(answer)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", port)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await server.wait_closed()
