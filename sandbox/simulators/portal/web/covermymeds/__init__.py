"""The pharmacy skin: from the patient to the determination of a medication, and drafts opened by their key."""

from dataclasses import replace
from typing import Final

from sandbox.simulators.portal.web import radmd
from sandbox.simulators.portal.web.case.pages import COMMON_PAGES
from sandbox.simulators.portal.web.covermymeds import dashboard, drugs, keys, wizard
from sandbox.simulators.portal.web.pages import WORDS, Page

SKIN: Final = replace(
    radmd.SKIN,
    name="covermymeds",
    pages=(
        Page("home", dashboard.show_dashboard),
        Page("key", keys.show_key, keys.send_key),
        Page("formulary", drugs.show_formulary),
        *wizard.PAGES,
        *COMMON_PAGES,
    ),
    menu=(
        ("home", "Dashboard"),
        ("key", "Open by key"),
        ("new", "New request"),
        ("requests", "Requests"),
        ("formulary", "Formulary"),
        ("status", "Status"),
    ),
    tagline="Medication authorizations",
    steps=wizard.STEPS,
    words={
        **WORDS,
        "member": "Patient",
        "provider": "Prescriber",
        "procedure": "Drug",
        "code": "Drug code (HCPCS or NDC)",
        "units": "Quantity",
        "questions": "Plan questions",
        "answers": "Answers to the plan",
        "review": "Check the request, then send it to the plan.",
        "submit": "Send to plan",
    },
)
