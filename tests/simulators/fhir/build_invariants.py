"""Derive `data/invariant_expressions.json` from HL7's own R4 package (run by hand).

    python -m tests.simulators.fhir.build_invariants package

`package` is the unpacked `hl7.fhir.r4.examples@4.0.1`, in the public domain (CC0-1.0). Written: the FHIRPath of each
invariant that R4 marks as an error, by its key.
"""

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("data") / "invariant_expressions.json"


def build(package: Path) -> None:
    found: dict[str, list[str]] = {}
    for path in sorted(package.glob("StructureDefinition-*.json")):
        definition: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if definition["kind"] == "logical" or definition.get("derivation") == "constraint":
            continue
        for element in definition["snapshot"]["element"]:
            for row in element.get("constraint", ()):
                known = found.setdefault(row["key"], []) if row["severity"] == "error" else None
                if known is not None and "expression" in row and row["expression"] not in known:
                    known.append(row["expression"])
    lines = [f"{json.dumps(key)}: {json.dumps(found[key])}" for key in sorted(found) if found[key]]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
