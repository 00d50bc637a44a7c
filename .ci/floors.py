"""Hold what pyproject.toml asks for against what is pinned, and against the advisories that are known. Offline.

Every dependency of the server has a lower bound; that bound is no lower than `floors.txt` says; and constraints.txt
pins a version that satisfies it, so that what the suite proves is what an installation may get.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

HERE = Path(__file__).parent
ROOT = HERE.parent


def pinned(text: str) -> dict[str, Version]:
    """Return the versions of a constraints file by name."""
    rows = (line.partition("==") for line in text.splitlines() if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name.strip()): Version(version.split(";")[0].strip()) for name, _, version in rows}


def first_clean(text: str) -> dict[str, Version]:
    """Return the first version without a known advisory by name."""
    rows = (line.split(None, 2) for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {canonicalize_name(name): Version(version) for name, version, _ in rows}


def problems(project: dict[str, object], pins: dict[str, Version], clean: dict[str, Version]) -> list[str]:
    """Return what is wrong, a sentence each."""
    table = project["project"]
    assert isinstance(table, dict)
    optional = table.get("optional-dependencies", {})
    texts = [*table["dependencies"], *(text for extra in optional.values() for text in extra)]
    found, seen = [], set()
    for requirement in map(Requirement, texts):
        name = canonicalize_name(requirement.name)
        seen.add(name)
        if name == canonicalize_name(table["name"]):
            continue
        bounds = [Version(s.version) for s in requirement.specifier if s.operator in (">=", "==", "~=")]
        if str(requirement) in table["dependencies"] and not bounds:
            found.append(f"{name} has no lower bound")
        if name in clean and (not bounds or max(bounds) < clean[name]):
            found.append(f"{name} may be older than {clean[name]}, which has known advisories before it")
        if name not in pins:
            found.append(f"{name} is not pinned in constraints.txt")
        elif pins[name] not in requirement.specifier:
            found.append(f"{name} is pinned to {pins[name]}, which {requirement} does not allow")
    found += [f"{name} of floors.txt is no dependency" for name in sorted(clean.keys() - seen)]
    found += [
        f"{name} is pinned to {pins[name]}, which has known advisories: take {version}"
        for name, version in clean.items()
        if name in pins and pins[name] < version
    ]
    return found


def main() -> int:
    """Print what is wrong; return the exit status."""
    found = problems(
        tomllib.loads((ROOT / "pyproject.toml").read_text()),
        pinned((ROOT / "constraints.txt").read_text()),
        first_clean((HERE / "floors.txt").read_text()),
    )
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
