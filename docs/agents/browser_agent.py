"""An agent with a browser: Playwright opens pages, fills them in and clicks, as the model says; it sees their text."""

import json
import os
import sys

from openai import OpenAI
from playwright.sync_api import Error, Page, sync_playwright

STEPS_MAX, CHARS_SHOWN = 40, 20_000
PROMPT = "You work in a clinic's systems, in a browser. When it is done, reply with the task's answer, as JSON, alone."


def tool(name: str, description: str, *parameters: str) -> dict:
    """Describe a function to the model."""
    schema = {"type": "object", "properties": {p: {"type": "string"} for p in parameters}, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TOOLS = [
    tool("open", "Open a page of a system, below its URL; fhir is FHIR R4, and shows JSON.", "url"),
    tool("fill", "Fill in the field that has this label, or choose one of the options below it.", "label", "value"),
    tool("click", "Click the button or link of this name, all of it.", "name"),
]


def act(page: Page, urls: tuple[str, ...], name: str, given: dict[str, str]) -> str:
    """Do what the model says and return the page's text, or what went wrong."""
    try:
        if name == "open" and not given["url"].startswith(urls):
            return f"Only what is below {', '.join(urls)} is there."
        if name == "open":
            page.goto(given["url"])
        elif name == "fill":
            options = page.get_by_role("radiogroup", name=given["label"]).get_by_label(given["value"], exact=True)
            options.check() if options.count() else page.get_by_label(given["label"]).fill(given["value"])
        else:
            called = [page.get_by_role(role, name=given["name"], exact=True) for role in ("button", "link")]
            called[0].or_(called[1]).first.click()
        return page.inner_text("body")[:CHARS_SHOWN]
    except (Error, KeyError) as error:
        return f"That did not work: {error}"


started, client = json.load(sys.stdin), OpenAI()
portals = [one["credentials"] for one in started["sandboxes"] if "portal_url" in one["credentials"]]
urls = (*started["urls"].values(), *(portal["portal_url"] for portal in portals))
task = json.dumps({"task": started["task_item"], "systems": started["urls"], "portals": portals})
messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": task}]
with sync_playwright() as playwright, playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM")) as browser:
    page = browser.new_page()
    for _ in range(STEPS_MAX):
        answer = client.chat.completions.create(model=os.environ["MODEL"], messages=messages, tools=TOOLS)
        messages.append(answer.choices[0].message.model_dump(exclude_none=True))
        for call in messages[-1].get("tool_calls", ()):
            said = act(page, urls, call["function"]["name"], json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": said})
        if messages[-1]["role"] == "assistant":
            sys.exit(print(messages[-1]["content"]))
sys.exit(f"The model was not done after {STEPS_MAX} steps.")
