"""The example of the page is sent, and answered as the page shows."""

import json
import re
from pathlib import Path

import yaml

PAGE = Path(__file__).parents[3] / "docs" / "surfaces" / "prior_auth_fhir.md"
MEMBER = {
    "member_id": "W204817735", "first_name": "Maria", "last_name": "Chen", "birth_date": "1985-03-12",
    "gender": "female", "plan": "PPO", "coverage": {"status": "active", "start": "2024-01-01"},
}  # fmt: skip
PORTAL = {"patients": [MEMBER], "providers": [{"npi": "1234567893", "name": "Elena Rivera, MD"}]}
MASKS = [
    (r"http://127\.0\.0\.1:\d+/v1/benchmark-runs/br_\w+", "<root>"),
    (r"01[0-9A-HJKMNP-TV-Z]{24}", "<id>"),
    (r"PA\d{10}", "<number>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
]


def blocks(language):
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))


def masked(value):
    text = json.dumps(value, indent=1)
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text


async def test_the_example_is_answered_as_the_page_shows(kit, disk, serve, pas):
    [config] = blocks("yaml")
    request, answer = blocks("json")
    pas.write(kit, disk, yaml.safe_load(config)[0]["config"])
    disk.dataset("payer", {"portal.yaml": json.dumps(PORTAL).encode()})
    async with serve() as live:
        house = await pas.begun(live)
        given = await house.post("Claim/$submit", json.loads(request))
        assert masked(given["entry"][0]["resource"]) == masked(json.loads(answer))
