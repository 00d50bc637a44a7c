"""The interface engine for a model that calls tools: read the inbox, send, acknowledge."""

from typing import Annotated, Final, Literal
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import Field

from sandbox.jsonio import Json
from sandbox.simulators.tools import Arguments, Call, Readable, Reply, Tool, answered, fitting, pairs, shape


class Page(Arguments):
    """Arguments of `hl7_inbox` and `hl7_sent`."""

    limit: Annotated[int, Field(ge=1, le=200)] = 20
    after: Annotated[str | None, Field(description="next_after of the answer before, for what follows.")] = None


class Send(Arguments):
    """Arguments of `hl7_send`."""

    message: Annotated[str, Field(description="ER7, from MSH on; segments end with a line feed or carriage return.")]


class Acknowledge(Arguments):
    """Arguments of `hl7_ack`."""

    id: Annotated[str, Field(description="Of the inbox message.", pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    code: Literal["AA", "AE", "AR", "CA", "CE", "CR"]
    text: str | None = None


def _inbox(arguments: Page) -> Call:
    return Call("GET", "hl7/inbox", pairs(limit=arguments.limit, after=arguments.after))


def _sent(arguments: Page) -> Call:
    return Call("GET", "hl7/outbound", pairs(limit=arguments.limit, after=arguments.after))


def _show_page(_: Page, reply: Reply) -> dict[str, Json]:
    rows, left_out = fitting(reply.json(), lambda row: {"id": row["id"]})
    following = urlsplit(reply.headers.get("link", "").partition(">")[0].lstrip("<")).query
    after = parse_qs(following).get("after", [None])[0]
    if left_out:
        kept = rows[: len(rows) - left_out] or rows[:1]
        return {"messages": kept, "next_after": kept[-1]["id"]}
    return {"messages": rows, "next_after": after}


def _send(arguments: Send) -> Call:
    return Call.of_json("POST", "hl7/outbound", {"payload": arguments.message})


def _acknowledge(arguments: Acknowledge) -> Call:
    body = {"ack_code": arguments.code} | ({} if arguments.text is None else {"text": arguments.text})
    return Call.of_json("POST", f"hl7/inbox/{arguments.id}/ack", body)


_PAGE: Final = shape(messages="array", next_after="string|null")
TOOLS: Final[tuple[Tool, ...]] = (
    Tool("hl7_inbox", "Read the HL7 v2 messages that came in, oldest first.", Page, _inbox, _show_page, _PAGE, True),
    Tool(
        "hl7_send",
        "Send an HL7 v2 message. Look at accepted: a message that is refused says in errors what is wrong with it.",
        Send,
        _send,
        answered,
        shape(accepted="boolean", ack_code="string", ack="string", errors="array"),
    ),
    Tool("hl7_ack", "Acknowledge an inbox message.", Acknowledge, _acknowledge, answered, shape(id="string")),
    Tool("hl7_sent", "Read what you sent, with the acknowledgments.", Page, _sent, _show_page, _PAGE, True),
)


def _readable(path: str) -> str:
    return f"hl7/inbox/{quote(path, safe='')}"


READABLE: Final[tuple[Readable, ...]] = (
    Readable("hl7", "hl7:///{id}", "hl7 message", "A message of the HL7 inbox.", _readable),
)
