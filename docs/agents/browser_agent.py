"""An agent with a browser: Playwright opens pages, fills them in and clicks, as the model says; it sees their text."""

import json
import os
import sys

from openai import OpenAI
from playwright.sync_api import Error, Page, sync_playwright

STEPS_MAX = 40
CHARS_SHOWN = 20_000
PROMPT = """You work in the systems of a clinic, in a browser. Each system has a URL below which its pages are; fhir is
FHIR R4, and shows JSON. When the work is done, reply with the answer that the task wants, as JSON and nothing else."""
TEXT = {"type": "string"}


def tool(name: str, description: str, *parameters: str) -> dict:
    """Describe a function to the model."""
    schema = {"type": "object", "properties": dict.fromkeys(parameters, TEXT), "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TOOLS = [
    tool("open", "Open a page of one of the systems.", "url"),
    tool("fill", "Fill in the field that has this label.", "label", "value"),
    tool("click", "Click the button or link of this name.", "name"),
]


def act(page: Page, urls: dict[str, str], name: str, given: dict[str, str]) -> str:
    """Do what the model says and return the page's text, or what went wrong."""
    try:
        if name == "open" and not given["url"].startswith(tuple(urls.values())):
            return f"Only what is below {', '.join(urls.values())} is there."
        if name == "open":
            page.goto(given["url"])
        elif name == "fill":
            page.get_by_label(given["label"]).fill(given["value"])
        else:
            page.get_by_role("button", name=given["name"]).or_(page.get_by_role("link", name=given["name"])).click()
        return page.inner_text("body")[:CHARS_SHOWN]
    except (Error, KeyError) as error:
        return f"That did not work: {error}"


started, client = json.load(sys.stdin), OpenAI()
task = json.dumps({"task": started["task_item"], "systems": started["urls"]})
messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": task}]
with sync_playwright() as playwright, playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM")) as browser:
    page = browser.new_page()
    for _ in range(STEPS_MAX):
        answer = client.chat.completions.create(model=os.environ["MODEL"], messages=messages, tools=TOOLS)
        messages.append(answer.choices[0].message.model_dump(exclude_none=True))
        for call in messages[-1].get("tool_calls", ()):
            said = act(page, started["urls"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": said})
        if messages[-1]["role"] == "assistant":
            sys.exit(print(messages[-1]["content"]))
sys.exit(f"The model was not done after {STEPS_MAX} steps.")
