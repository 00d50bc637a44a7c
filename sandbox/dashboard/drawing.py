"""Documents with pages as pictures: PDF by pdftoppm, TIFF by Pillow, each only where it is installed.

What draws runs in a process of its own, with little time and memory: what it reads was sent by an agent.
"""

import asyncio
import shutil
import sys
from importlib.util import find_spec
from typing import Final

from sandbox.errors import NotFound
from sandbox.limits import MIB

SUFFIXES: Final = {"application/pdf": ".pdf", "image/tiff": ".tiff"}
_TIME_S: Final = 10.0
_PICTURE_BYTES: Final = 8 * MIB
_MEMORY_BYTES: Final = 512 * MIB
_WIDTH: Final = 800
_TIFF: Final = f"""
import io, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY_BYTES}, {_MEMORY_BYTES}))
from PIL import Image
picture = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=["TIFF"])
picture.seek(int(sys.argv[1]) - 1)
picture.thumbnail(({_WIDTH}, {_WIDTH * 4}))
picture.convert("RGB").save(sys.stdout.buffer, "PNG")
"""


def can_draw(media_type: str) -> bool:
    """Whether documents of a media type can be drawn on this machine."""
    if media_type == "application/pdf":
        return shutil.which("pdftoppm") is not None
    return media_type == "image/tiff" and find_spec("PIL") is not None


async def draw_page(media_type: str, content: bytes, number: int) -> bytes:
    """Return a page, counted from 1, as PNG. Raises `NotFound` where it cannot be drawn or there is none of it."""
    if not can_draw(media_type):
        raise NotFound(f"Nothing that draws {media_type or 'it'} is installed here; keep it as a file instead.")
    if media_type == "application/pdf":
        page = str(number)
        command = ["pdftoppm", "-png", "-singlefile", "-f", page, "-l", page, "-scale-to-x", str(_WIDTH)]
        command += ["-scale-to-y", "-1", "-"]
    else:
        command = [sys.executable, "-I", "-c", _TIFF, str(number)]
    return await _run(command, content)


async def _run(command: list[str], content: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_TIME_S):
            picture, _ = await process.communicate(content)
    except TimeoutError:
        raise NotFound("Drawing this page takes too long; keep the document as a file instead.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not picture.startswith(b"\x89PNG") or len(picture) > _PICTURE_BYTES:
        raise NotFound("This page cannot be drawn; keep the document as a file instead.")
    return picture
