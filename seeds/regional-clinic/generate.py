"""Write the dataset: charts as NDJSON, the shared drive, the payers' portal.

    python seeds/regional-clinic/generate.py [DIRECTORY]

Without a directory the files beside this script are replaced. The output depends on nothing but these
sources: the same bytes on every machine.
"""

import json
import shutil
import sys
from pathlib import Path

import documents
import staff
import stories
from charts import chart
from codes import Json
from people import PEOPLE, patient


def resources() -> dict[str, list[Json]]:
    """Return every resource by type, in the order they are written."""
    everything = [
        *staff.organizations(),
        *staff.practitioners(),
        *staff.roles(),
        *staff.locations(),
        *staff.schedules(),
        *staff.slots(stories.TAKEN),
    ]
    for person in PEOPLE.values():
        everything.append(patient(person))
        everything += chart(person)
    everything += stories.stories()
    by_type: dict[str, list[Json]] = {}
    for row in everything:
        by_type.setdefault(row["resourceType"], []).append(row)
    return by_type


def outputs() -> dict[str, bytes]:
    """Return the dataset: path → content."""
    made = {}
    for kind, rows in resources().items():
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
        made[f"fhir/{kind}.ndjson"] = ("\n".join(lines) + "\n").encode()
    made |= {f"files/{path}": content for path, content in documents.files().items()}
    made["portal.yaml"] = documents.portal()
    return made


def main() -> None:
    """Write the dataset."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for folder in ("fhir", "files"):
        shutil.rmtree(target / folder, ignore_errors=True)
    for path, content in outputs().items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)
    print(f"{len(outputs())} files in {target}")


if __name__ == "__main__":
    main()
