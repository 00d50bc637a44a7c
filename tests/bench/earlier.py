"""The build that this one is held against: a checkout of an earlier commit, made for the bench and removed again."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

COMMIT = "1275e35"
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def earlier_build(home: Path) -> Iterator[Path]:
    """Check the commit out into a directory of its own (`git worktree`); it runs on this build's packages."""
    place = home / f"build-{COMMIT}"
    git = ("git", "-C", str(ROOT), "worktree")
    subprocess.run([*git, "add", "--quiet", "--detach", str(place), COMMIT], check=True)
    try:
        yield place
    finally:
        subprocess.run([*git, "remove", "--force", str(place)], check=True)
