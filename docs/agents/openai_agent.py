"""An agent with the `openai` client: the model asks for HTTP requests, and this file makes them."""

import json
import os
import sys
import urllib.error
import urllib.request

from openai import OpenAI

STEPS_MAX = 40
CHARS_SHOWN = 20_000
PROMPT = """You work in the systems of a clinic. Each has a URL, and requests below it need no token; fhir is FHIR R4.
When the work is done, reply with the answer that the task wants, as JSON and nothing else, or with one sentence."""
HTTP = {
    "name": "http",
    "description": "Send a request to one of the systems and see its answer.",
    "parameters": {
        "type": "object",
        "properties": {
            "method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
            "url": {"type": "string"},
            "body": {"type": "string"},
            "content_type": {"type": "string"},
        },
        "required": ["method", "url"],
    },
}


def http(urls: dict[str, str], method: str, url: str, body: str = "", content_type: str = "application/json") -> str:
    """Send a request and return its status and what came back."""
    if not url.startswith(tuple(urls.values())):
        return f"Only what is below {', '.join(urls.values())} is there."
    request = urllib.request.Request(url, body.encode() or None, {"Content-Type": content_type}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return f"{answer.status}\n{answer.read().decode(errors='replace')[:CHARS_SHOWN]}"
    except urllib.error.HTTPError as error:
        return f"{error.code}\n{error.read().decode(errors='replace')[:CHARS_SHOWN]}"


def main(started: dict) -> None:
    """Do a task, given as the response of its start, and print the answer."""
    task = json.dumps({"task": started["task_item"], "systems": started["urls"]}, indent=2)
    messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": task}]
    client, tools = OpenAI(), [{"type": "function", "function": HTTP}]
    for _ in range(STEPS_MAX):
        answer = client.chat.completions.create(model=os.environ["MODEL"], messages=messages, tools=tools)
        message = answer.choices[0].message
        if not message.tool_calls:
            return print(message.content)
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            said = http(started["urls"], **json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": said})
    sys.exit(f"The model was not done after {STEPS_MAX} steps.")


main(json.load(sys.stdin))
