"""The pharmacy's draft is completed and sent with a browser alone: what a page asks for is filled in, page by page."""

import re
from pathlib import Path

from sandbox.testing.server import running_server
from tests.alone import only
from tests.portal_site import PlainBrowser, Portal

KEY = "HX4T9K"
SAID = {
    "provider_npi": "1999971017",
    "procedure_code": "00169-4130-13",
    "diagnosis_codes": "E11.65",
    "clinical_answers.diabetes": "type 2",
    "clinical_answers.a1c": "8.4",
    "clinical_answers.a1c_date": "2026-05-05",
    "clinical_answers.metformin": "stopped",
    "clinical_answers.metformin_stopped_because": "Diarrhea that did not pass.",
    "clinical_answers.pens": "1",
    "notes": "Begun by Ellery Pharmacy.",
}


def test_a_draft_of_somebody_elses_is_completed_on_pages(tmp_path: Path) -> None:
    with running_server(playgrounds=[only(tmp_path, "pharmacy-epa@1")]) as server:
        client = server.sync_client
        run = client.create_benchmark_run("pharmacy-epa@1", agent="browser", tasks=["pharmacy-draft"])
        session = client.start_task_run(run.task_runs[0].id)
        held = next(one["credentials"] for one in session.sandboxes if one["type"] == "Payer")
        portal = Portal(server, session.token, session.task_run_id, held, run.id)
        browser = PlainBrowser()
        home = browser.log_in(portal)
        link = re.search(rf'href="([^"]*{KEY}[^"]*)"', home.text)
        assert link is not None, home.seen
        page = browser.get(f"{portal.url}drafts/{KEY}/drug")
        for _ in range(12):
            asked = set(re.findall(r'name="([^"]+)"', page.text.partition("<main")[2]))
            page = browser.fill(page, {**{name: SAID[name] for name in SAID if name in asked}, "go": "next"})
            assert page.status == 200, page.seen
            if "received your request" in page.seen:
                break
        done = client.complete_task_run(session.task_run_id)
        via = {event.via for event in portal.events() if event.type.startswith("portal")}
    assert done.score == 1.0, done.explain()
    assert via == {"browser"}
