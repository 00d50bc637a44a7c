"""A task of the task API that takes any file."""

from typing import Any

import pytest

ROOT = "/api/v1/org/00000000-0000-4000-8000-000000000001"


@pytest.fixture
async def project(live: Any) -> str:
    """The path of the default project."""
    found = (await live.get(f"{ROOT}/project"))["results"][0]["id"]
    return f"{ROOT}/project/{found}"


@pytest.fixture
async def run_path(live: Any, project: str) -> str:
    """Where a task that takes any file is run."""
    models = await live.get(f"{project}/model")
    rows = models if isinstance(models, list) else models["results"]
    task = {
        "name": "read",
        "enabled": True,
        "system_prompt": "Read.",
        "user_prompt": "Read the file.",
        "llm_model_id": next(row["id"] for row in rows if row["name"] == "sandbox-extract"),
        "output_format": {"greeting": "str"},
        "file_input_mode": "any",
    }
    made = await live.post(f"{project}/task", json=task)
    return f"{project}/task/{made['id']}/run"
