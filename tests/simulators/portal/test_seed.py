"""`portal.yaml`: what loads, and how a mistake is reported."""

import re
from pathlib import Path

import pytest

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError
from sandbox.payer import codes
from sandbox.simulators.portal import PayerSimulator

DOCS = Path(__file__).parents[3] / "docs" / "surfaces" / "portal.md"
MEMBER = (
    "{member_id: A, first_name: A, last_name: B, birth_date: 2000-01-01, gender: male, plan: P,"
    " coverage: {status: active, start: 2020-01-01}}"
)

REQUEST = (
    'prior_auths:\n  - {{request_id: r, auth_number: PA1, patient_member_id: A, procedure_code: "97110",'
    ' provider_npi: "1234567893", created_at: 2026-01-01T00:00:00Z, submitted_at: 2026-01-01T00:00:00Z,\n'
    "    determination: {{status: {}, decided_at: 2026-01-02T00:00:00Z}},\n    {}}}\n"
)
OTHER_WRITING = MEMBER.replace("member_id: A", "member_id: ' a'")


def load(text):
    return PayerSimulator().load_seed(Dataset("clinic", {"portal.yaml": text.encode()}), {})


def problems(text):
    with pytest.raises(DefinitionError) as caught:
        load(text)
    return [(problem.line, problem.key, problem.message) for problem in caught.value.problems]


def test_the_documented_example_loads():
    found = re.search(r"```yaml\n(patients:.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    seed = load(found[1])
    counts = {name: len(rows) for name, rows in seed.collections.items()}
    assert counts == {
        "portal/patients": 1,
        "portal/providers": 1,
        "portal/formulary": 1,
        "portal/questions": 1,
        "portal/prior_auth_requests": 1,
        "portal/drafts": 0,
    }


@pytest.mark.parametrize("dataset", [None, Dataset("d", {}), Dataset("d", {"portal.yaml": b""})])
def test_nothing_to_load(dataset):
    seed = PayerSimulator().load_seed(dataset, {})
    assert all(len(rows) == 0 for rows in seed.collections.values())
    assert len(seed.collections) == 6


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ("patients: [\n", 2, "", "is not valid YAML"),
        ("members: []\n", 1, "members", "unknown key"),
        (f"patients:\n  - {MEMBER}\n  - {MEMBER}\n", 3, "patients.1", "twice"),
        (f"patients:\n  - {MEMBER.replace('plan: P, ', '')}\n", 2, "patients.0.plan", "is required"),
        (f"patients:\n  - {MEMBER.replace('member_id: A', 'member_id: 12')}\n", 2, "patients.0.member_id", "in quotes"),
        (f"patients:\n  - {MEMBER.replace('male', 'm')}\n", 2, "patients.0.gender", "input should be"),
        (f"patients:\n  - {MEMBER.replace('2000-01-01', '2000-02-30')}\n", 2, "patients.0.birth_date", "date"),
        (
            f"patients:\n  - {MEMBER.replace('2020-01-01}', '2020-01-01, end: 2019-01-01}')}\n",
            2,
            "patients.0.coverage",
            "ends",
        ),
        ('providers:\n  - npi: "1234567890"\n    name: X\n', 2, "providers.0.npi", "not an NPI"),
        ("providers:\n  - name: X\n    npi: 1234567893\n", 3, "providers.0.npi", "in quotes"),
        ("formulary:\n  - drug: X\n    tier: 7\n", 3, "formulary.0.tier", "less than or equal to 6"),
        ("formulary:\n  - {drug: X, tier: 1}\n  - {drug: x, tier: 1}\n", 3, "formulary.1", "twice"),
        ("formulary:\n  - {drug: X  Y, tier: 1}\n  - {drug: ' x y ', tier: 1}\n", 3, "formulary.1", "twice"),
        (
            f"patients:\n  - {MEMBER}\n  - {OTHER_WRITING}\n",
            3,
            "patients.1",
            "twice",
        ),
        (
            "prior_auths:\n  - {request_id: r, status: draft, created_at: 2026-01-01T00:00:00Z}\n"
            "  - {request_id: R, status: draft, created_at: 2026-01-01T00:00:00Z}\n",
            3,
            "prior_auths.1",
            "twice",
        ),
        ('questions:\n  - procedure_code: "721"\n', 2, "questions.0.procedure_code", "CPT"),
        (
            'questions:\n  - procedure_code: "72148"\n    questions:\n      - {id: a, text: A, type: choice}\n',
            4,
            "questions.0.questions.0",
            "options",
        ),
        (
            'questions:\n  - procedure_code: "72148"\n    questions:\n'
            "      - {id: a, text: A, type: text, options: [x]}\n",
            4,
            "questions.0.questions.0",
            "options",
        ),
        (
            'questions:\n  - procedure_code: "72148"\n    questions:\n'
            "      - {id: a, text: A, type: text}\n      - {id: a, text: B, type: text}\n",
            2,
            "questions.0",
            "more than once",
        ),
        (
            f"patients:\n  - {MEMBER}\nprior_auths:\n  - request_id: r\n    status: draft\n"
            "    patient_member_id: Z\n    created_at: 2026-01-01T00:00:00Z\n",
            6,
            "prior_auths.0.patient_member_id",
            "no",
        ),
        (
            "prior_auths:\n  - request_id: r\n    created_at: 2026-01-01T00:00:00Z\n",
            2,
            "prior_auths.0",
            "auth_number is required",
        ),
        (
            "prior_auths:\n  - request_id: r\n    status: draft\n    created_at: 2026-01-01T00:00:00\n",
            4,
            "prior_auths.0.created_at",
            "timezone",
        ),
        (REQUEST.format("denied", "denial: {appeal_until: 2026-01-01T00:00:00Z}"), 2, "prior_auths.0", "appeal_until"),
        (REQUEST.format("need_more_info", "wanted: {due_at: 2026-01-01T00:00:00Z}"), 2, "prior_auths.0", "due_at"),
        (
            REQUEST.format("approved", "authorization: {valid_from: 2026-02-01, valid_to: 2026-01-01}"),
            4,
            "prior_auths.0.authorization",
            "valid_to is before",
        ),
    ],
)
def test_a_mistake_names_line_and_key(text, line, key, message):
    found = problems(text)
    assert any((at, name) == (line, key) and message.lower() in told.lower() for at, name, told in found), found


def test_every_mistake_is_reported_at_once():
    text = 'providers:\n  - {npi: "1"}\nformulary:\n  - {drug: X}\n'
    assert len(problems(text)) == 3


def test_seeded_requests_have_the_shape_of_all_others(make_world, complete):
    found = re.search(r"```yaml\n(patients:.*?)```", DOCS.read_text(), re.DOTALL)
    world = make_world(seed=found[1] if found else "")
    [seeded] = world.json("GET", "prior-auths")["data"]
    draft = world.json("POST", "prior-auths", {"draft": True}, status=201)
    assert set(seeded) == set(draft)


def test_check_digits():
    """Exactly one of the ten last digits makes an NPI (CMS's own example is 1234567893)."""
    for stem in ("123456789", "199999999", "200000000"):
        assert sum(codes.is_npi(f"{stem}{digit}") for digit in range(10)) == 1
    assert codes.is_npi("1234567893")
    assert not codes.is_npi("١٢٣٤٥٦٧٨٩٣")
