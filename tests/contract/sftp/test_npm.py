"""ssh2-sftp-client, which JavaScript programs use."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.downloads import npm_folder, tool

HERE = Path(__file__).parent
CLIENT_S = 60


@pytest.mark.slow
async def test_ssh2_sftp_client(drop, tmp_path):
    folder = await asyncio.to_thread(npm_folder, HERE / "package.json")
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    shutil.copy(HERE / "ssh2_sftp_client.mjs", tmp_path)
    process = await asyncio.create_subprocess_exec(
        tool("node"),
        "ssh2_sftp_client.mjs",
        cwd=tmp_path,
        env={**os.environ, "CREDENTIALS": json.dumps(drop.credentials)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), CLIENT_S)
    assert process.returncode == 0, err.decode()
    seen = json.loads(out)
    assert seen["root"] == [["d", "archive"], ["d", "inbox"], ["d", "outbound"]]
    assert (seen["referral"], seen["size"], seen["back"]) == ("Please see Ana Reyes.\n", 6, True)
    assert (seen["exists"], seen["rename"]) == (["d", "-", False], "refused")
    assert (seen["uploaded"], seen["left"]) == (["1.txt", "2.txt"], ["folder"])
    types = {s[0] for s in await drop.seen()}
    assert types >= {"file_list", "file_read", "file_write", "file_move", "file_mkdir", "file_delete", "file_setstat"}
