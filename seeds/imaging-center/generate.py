"""Write the dataset: charts as NDJSON, patients' papers, the payers' portal.

    python seeds/imaging-center/generate.py [DIRECTORY]

Without a directory the files beside this script are replaced. The output depends on nothing but these
sources: the same bytes on every machine.
"""

import json
import shutil
import sys
from pathlib import Path

import charts
import papers
import portal


def outputs() -> dict[str, bytes]:
    """Return the dataset: path → content."""
    by_type: dict[str, list[str]] = {}
    for row in charts.resources():
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        by_type.setdefault(row["resourceType"], []).append(line)
    made = {f"fhir/{kind}.ndjson": ("\n".join(lines) + "\n").encode() for kind, lines in by_type.items()}
    made |= {f"files/{path}": content for path, content in papers.files().items()}
    return made | {"portal.yaml": portal.portal(), "payer.yaml": portal.payer()}


def main() -> None:
    """Write the dataset."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for folder in ("fhir", "files"):
        shutil.rmtree(target / folder, ignore_errors=True)
    made = outputs()
    for path, content in made.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)
    print(f"{len(made)} files in {target}")


if __name__ == "__main__":
    main()
