"""The published npm client, unmodified, against our server. Node and npm are required, not optional."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID

SDK = "@rightbrain/sdk@0.0.8"
CACHE = Path(__file__).parents[2] / ".cache" / "npm" / "rightbrain_sdk"


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed; the suite runs the published client with it (Debian: nodejs, npm)")
    return found


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client installed and our script beside it."""
    folder = tmp_path_factory.mktemp("sdk")
    (folder / "package.json").write_text(json.dumps({"name": "client", "private": True, "type": "module"}))
    command = [
        tool("npm"),
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefer-offline",
        "--cache",
        str(CACHE),
        SDK,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    installed = json.loads((folder / "node_modules/@rightbrain/sdk/package.json").read_text())
    assert installed["version"] == "0.0.8"
    shutil.copy(Path(__file__).parent / "sdk.mjs", folder)
    return folder


@pytest.mark.parametrize("base", ["", "/api/v1"], ids=["bare URL", "base URL"])
async def test_the_published_client_creates_and_runs_tasks(api, sdk, tmp_path, base):
    picture, document = tmp_path / "card.png", tmp_path / "letter.pdf"
    picture.write_bytes(media.picture("card"))
    document.write_bytes(media.document("Patient: Carla Dietz\nPages: 3"))
    arguments = [f"{api.url}{base}", ORGANIZATION_ID, PROJECT_ID, "vk_local", str(picture), str(document)]
    process = await asyncio.create_subprocess_exec(
        tool("node"),
        "sdk.mjs",
        *arguments,
        cwd=sdk,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    seen = json.loads(out)
    assert seen["modelId"] == await api.model()
    assert [m["name"] for m in seen["models"]] == ["sandbox-extract", "sandbox-replay", "sandbox-fault"]
    assert seen["task"]["revisions"][0]["input_params"] == ["document"]
    assert seen["plain"]["response"] == {"patient": "Ana Reyes", "pages": 2, "urgent": True}
    assert seen["withPicture"]["response"]["patient"] == "Bo"
    assert seen["withPicture"]["files"][0]["original_filename"] == "card.png"
    assert seen["withDocument"]["response"] == {"patient": "Carla Dietz", "pages": 3, "urgent": False}
    assert seen["withDocument"]["files"][0]["original_filename"] == "letter é.pdf"
    for run in (seen["plain"], seen["withPicture"], seen["withDocument"]):
        wanted = {
            "created",
            "id",
            "input_tokens",
            "output_tokens",
            "response",
            "run_data",
            "task_id",
            "task_revision_id",
            "total_tokens",
        }
        assert wanted <= set(run)
        assert (await api.get(f"task/{run['task_id']}/run/{run['id']}")).json == run
    assert [f["status"] for f in seen["failures"]] == [422, 404, 422, 400, 401]
    assert all(f["isClientError"] for f in seen["failures"])
    assert seen["failures"][0]["body"]["detail"][0]["loc"] == ["body", "task_input", "document"]
