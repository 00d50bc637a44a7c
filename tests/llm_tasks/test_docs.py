"""The page of the task API names every route, engine, reason and key that there is."""

import re
from pathlib import Path

from sandbox.definitions.llm_tasks import LlmTaskDefinition
from sandbox.llm_tasks.engines.fault import MESSAGES, FaultRule
from sandbox.llm_tasks.http.bodies import RunBody
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.routes import ROUTES
from sandbox.llm_tasks.tasks.fields import REVISION_DEFAULTS
from sandbox.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "llm-tasks.md").read_text(encoding="utf-8")


def test_every_route_has_a_row_and_every_row_a_route():
    rows = set(re.findall(r"(?m)^\| `([A-Z]+) (/[^`]+)` \| (?:works|extension)", PAGE))
    assert rows == {(method, path) for method, path, _ in ROUTES}
    assert len(rows) == len(ROUTES)


def test_every_reason_is_named():
    source = "\n".join(path.read_text() for path in (ROOT / "sandbox" / "llm_tasks").rglob("*.py"))
    reasons = set(re.findall(r'RuleBroken\(\s*"(\w+)"', source)) | set(re.findall(r'reason="(\w+)"', source))
    assert len(reasons) > 10
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE and f'"{reason}"' not in PAGE} == set()


def test_every_type_of_error_run_is_named():
    source = "\n".join(path.read_text() for path in (ROOT / "sandbox" / "llm_tasks").rglob("*.py"))
    kinds = set(re.findall(r'EngineFailure\(\s*"(\w+)"', source)) | {kind for kind, _ in MESSAGES.values()}
    assert len(kinds) > 8
    rows = "\n".join(re.findall(r"(?ms)^\| type of an error run .*?\n\n", PAGE))
    assert {kind for kind in kinds if f"`{kind}`" not in rows} == set()


def test_every_field_is_named():
    names = [*REVISION_DEFAULTS, *LlmTaskDefinition.model_fields, *FaultRule.model_fields, *RunBody.model_fields]
    names.remove("key")
    assert [name for name in names if not re.search(rf"\b{name}\b", PAGE)] == []


def test_every_processor_and_its_configuration_is_named():
    for shown in Processors(Settings()).to_json():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{shown['name']}`"))
        assert all(f"`{name}`" in row for name in shown["config_schema"]["properties"])
