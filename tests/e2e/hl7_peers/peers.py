"""Interface libraries of PyPI, each as its own documentation uses it: `python peers.py NAME`, told by given.json.

A sender prints what was acknowledged, `[[MSA-1, MSA-2], …]`; a listener prints each message's control id as it comes.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

GIVEN = Path("given.json")
given = json.loads(GIVEN.read_text(encoding="utf-8")) if GIVEN.exists() else {}
host, port, messages = given.get("host"), given.get("port"), given.get("messages", [])


def say(value):
    print(json.dumps(value), flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def told(ack):
    import hl7

    text = ack.decode("utf-8") if isinstance(ack, bytes) else str(ack)
    msa = hl7.parse(text.strip("\x0b\x1c\r") + "\r").segment("MSA")
    return [str(msa[1]), str(msa[2])]


def mllp_send():
    stream = b"".join(b"\x0b" + text.encode() + b"\x1c\r" for text in messages)
    Path("messages.mllp").write_bytes(stream)
    program = Path(sys.executable).with_name("mllp_send")
    run = subprocess.run(
        [program, "--file", "messages.mllp", "--port", str(port), host], stdout=subprocess.PIPE, check=True
    )
    say([told(ack) for ack in run.stdout.split(b"\x0b") if ack.strip()])


def mllp_client():
    from hl7.client import MLLPClient

    with MLLPClient(host, port) as client:
        say([told(client.send_message(text)) for text in messages])


def hl7_asyncio():
    from hl7.mllp import open_hl7_connection

    async def send():
        reader, writer = await open_hl7_connection(host, port, encoding="utf-8")
        acks = []
        for text in messages:
            writer.writemessage(text)
            await writer.drain()
            acks.append(told(await reader.readmessage()))
        writer.close()
        await writer.wait_closed()
        say(acks)

    asyncio.run(send())


def hl7lw_client():
    from hl7lw import Hl7Parser
    from hl7lw.mllp import MllpClient

    client, acks = MllpClient(), []
    client.connect(host=host, port=port)
    for text in messages:
        client.send(text.encode())
        ack = Hl7Parser().parse_message(client.recv(), encoding="utf-8")
        acks.append([ack["MSA-1"], ack["MSA-2"]])
    client.close()
    say(acks)


def hl7_listener():
    from hl7.mllp import start_hl7_server

    async def take(reader, writer):
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                say(str(message.segment("MSH")[10]))
                writer.writemessage(message.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    async def listen():
        server = await start_hl7_server(take, host="127.0.0.1", port=0, encoding="utf-8")
        say({"port": server.sockets[0].getsockname()[1]})
        await server.serve_forever()

    asyncio.run(listen())


def hl7lw_listener():
    from hl7lw import Hl7Parser
    from hl7lw.mllp import MllpServer
    from hl7lw.utils import Acks, generate_ack

    parser = Hl7Parser()

    def take(message):
        parsed = parser.parse_message(message, encoding="utf-8")
        say(parsed["MSH-10"])
        return parser.format_message(generate_ack(parsed, Acks.AA), encoding="ascii")

    at = free_port()
    say({"port": at})
    MllpServer(at, take).serve_forever()


def mllp2http():
    at = free_port()
    say({"port": at})
    from mllp_http.main import mllp2http

    sys.argv = ["mllp2http", "--host", "127.0.0.1", "--port", str(at), given["url"]]
    mllp2http()


def bridge():
    at = free_port()
    say({"port": at})
    options = {"--host": "127.0.0.1", "--port": str(at), "--fhir-url": given["url"], "--config": given["config"]}
    words = [word for option in options.items() for word in option]
    os.execv(sys.executable, [sys.executable, "-m", "v2fhir", "serve", *words])


PEERS = {
    "mllp_send": mllp_send,
    "hl7.MLLPClient": mllp_client,
    "hl7 asyncio": hl7_asyncio,
    "hl7lw": hl7lw_client,
    "hl7 listener": hl7_listener,
    "hl7lw listener": hl7lw_listener,
    "mllp2http": mllp2http,
    "bridge": bridge,
}
if __name__ == "__main__":
    PEERS[sys.argv[1]]()
