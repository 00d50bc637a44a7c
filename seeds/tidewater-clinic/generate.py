"""Write the dataset's charts as NDJSON and its scanned papers as PDF; the same bytes every time.

    python seeds/tidewater-clinic/generate.py [DIRECTORY]

Without a directory the files beside this script are replaced. The tables under `files/policies` and
`files/worklists`, `portal.yaml` and `payer.yaml` are written by hand.
"""

import json
import shutil
import sys
from pathlib import Path

import charts
import scans
from people import Json


def resources() -> dict[str, list[Json]]:
    """Return every resource by type, in the order they are written."""
    by_type: dict[str, list[Json]] = {}
    for row in charts.everything():
        by_type.setdefault(row["resourceType"], []).append(row)
    return by_type


def outputs() -> dict[str, bytes]:
    """Return what is made: path → content."""
    made = {}
    for kind, rows in resources().items():
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
        made[f"fhir/{kind}.ndjson"] = ("\n".join(lines) + "\n").encode()
    return made | {f"files/scans/{name}": content for name, content in scans.papers().items()}


def main() -> None:
    """Write the dataset."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for folder in ("fhir", "files/scans"):
        shutil.rmtree(target / folder, ignore_errors=True)
    for path, content in outputs().items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)
    print(f"{len(outputs())} files in {target}")


if __name__ == "__main__":
    main()
