"""Build `structures.json.gz`: what validation needs of R4's StructureDefinitions and value sets.

A development script, not used at run time. It reads a directory with the JSON definitions of FHIR
4.0.1 (the content of the npm package `hl7.fhir.r4.examples@4.0.1`, licence CC0-1.0) and writes the
elements of every resource and data type, and the codes of every value set that a required binding
names.

    python -m sandbox.r4.build_structures DIRECTORY [OUTPUT]
"""

import gzip
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Codes = dict[str, list[str]]

STRUCTURE_URL = "http://hl7.org/fhir/StructureDefinition/"


class Definitions:
    """The definitions by canonical URL."""

    def __init__(self, directory: Path) -> None:
        self.structures = [self._read(p) for p in sorted(directory.glob("StructureDefinition-*.json"))]
        self.value_sets = self._by_url(directory.glob("ValueSet-*.json"))
        self.code_systems = self._by_url(directory.glob("CodeSystem-*.json"))

    @staticmethod
    def _read(path: Path) -> Any:
        return json.loads(path.read_bytes())

    def _by_url(self, paths: Iterable[Path]) -> dict[str, Any]:
        return {d["url"]: d for d in map(self._read, sorted(paths)) if "url" in d}

    # -- value sets -------------------------------------------------------------------------

    def expand(self, url: str, seen: tuple[str, ...] = ()) -> tuple[Codes, bool]:
        """Return the codes of a value set by system, and whether it is open (not enumerable here)."""
        definition = self.value_sets.get(url)
        if definition is None or url in seen:
            return {}, True
        compose = definition.get("compose", {})
        codes: Codes = {}
        is_open = not compose
        for include in compose.get("include", ()):
            part, part_open = self._part(include, (*seen, url))
            is_open |= part_open
            for system, found in part.items():
                codes.setdefault(system, []).extend(found)
        for exclude in compose.get("exclude", ()):
            part, _ = self._part(exclude, (*seen, url))
            for system, found in part.items():
                codes[system] = [c for c in codes.get(system, []) if c not in set(found)]
        return {system: list(dict.fromkeys(found)) for system, found in codes.items()}, is_open

    def _part(self, part: dict[str, Any], seen: tuple[str, ...]) -> tuple[Codes, bool]:
        imported = [self.expand(u.split("|")[0], seen) for u in part.get("valueSet", ())]
        if "system" not in part:
            merged: Codes = {}
            for codes, _ in imported:
                for system, found in codes.items():
                    merged.setdefault(system, []).extend(found)
            return merged, any(is_open for _, is_open in imported)
        system = part["system"]
        if "concept" in part:
            return {system: [c["code"] for c in part["concept"]]}, False
        code_system = self.code_systems.get(system)
        if code_system is None or code_system.get("content") != "complete":
            return {}, True
        concepts = list(_walk(code_system.get("concept", ()), ()))
        for rule in part.get("filter", ()):
            kept = [c for c in concepts if _passes(rule, c[0], c[1])]
            concepts = kept
        return {system: [c["code"] for c, _ in concepts]}, False


def _walk(concepts: Iterable[Any], ancestors: tuple[str, ...]) -> Iterable[tuple[Any, tuple[str, ...]]]:
    for concept in concepts:
        above = ancestors + tuple(
            p["valueCode"] for p in concept.get("property", ()) if p["code"] == "subsumedBy" and "valueCode" in p
        )
        yield concept, above
        yield from _walk(concept.get("concept", ()), (*above, concept["code"]))


def _passes(rule: dict[str, str], concept: Any, ancestors: tuple[str, ...]) -> bool:
    op, value = rule["op"], rule["value"]
    if op == "is-a":
        return bool(concept["code"] == value or value in ancestors)
    if op == "descendent-of":
        return value in ancestors
    if op == "is-not-a":
        return not (concept["code"] == value or value in ancestors)
    held = [concept["code"]] if rule["property"] in ("concept", "code") else []
    for item in concept.get("property", ()):
        if item["code"] == rule["property"]:
            held += [
                str(v).lower() if isinstance(v, bool) else str(v) for k, v in item.items() if k.startswith("value")
            ]
    if op == "=":
        return value in held
    if op == "in":
        return bool(set(value.split(",")) & set(held))
    if op == "regex":
        return any(re.fullmatch(value, h) for h in held)
    if op == "exists":
        return bool(held) == (value == "true")
    raise SystemExit(f"value set filter {rule} is not understood")


# -- structures ---------------------------------------------------------------------------------


def _types(element: dict[str, Any], has_children: bool) -> list[str]:
    if "contentReference" in element:
        return ["@" + element["contentReference"].lstrip("#")]
    if has_children:
        return ["@" + element["path"]]
    names = []
    for entry in element["type"]:
        code = entry["code"]
        if code.startswith("http://hl7.org/fhirpath/"):
            [code] = [x["valueUrl"] for x in entry["extension"] if x["url"].endswith("structuredefinition-fhir-type")]
            code = "id" if element["path"].count(".") == 1 and element["path"].endswith(".id") else code
        profiles = [p.removeprefix(STRUCTURE_URL) for p in entry.get("profile", ())]
        if code == "Quantity" and "SimpleQuantity" in profiles:
            code = "SimpleQuantity"
        targets = [t.removeprefix(STRUCTURE_URL) for t in entry.get("targetProfile", ())]
        if code == "Reference" and targets and targets != ["Resource"]:
            code += ":" + "|".join(targets)
        names.append(code)
    return names


def _structure(definition: dict[str, Any], value_sets: dict[str, None]) -> dict[str, Any]:
    elements = definition["snapshot"]["element"]
    parents = {e["path"].rpartition(".")[0] for e in elements}
    is_type = definition["kind"] == "complex-type"
    found: dict[str, list[Any]] = {}
    for element in elements[1:]:
        parent, _, name = element["path"].rpartition(".")
        types = _types(element, element["path"] in parents)
        if name == "id" and (is_type or "." in parent):
            types = ["string"]
        binding = element.get("binding", {})
        url = None
        if binding.get("strength") == "required" and "valueSet" in binding:
            url = binding["valueSet"].split("|")[0]
            value_sets[url] = None
        upper = 0 if element["max"] == "*" else int(element["max"])
        found.setdefault(parent, []).append([name, element["min"], upper, types, url])
    return {path: {"elements": rows} for path, rows in found.items()}


def build(directory: Path) -> dict[str, Any]:
    """Return the data file's content."""
    definitions = Definitions(directory)
    structures: dict[str, Any] = {}
    value_sets: dict[str, None] = {}
    resources, types = [], []
    for definition in definitions.structures:
        if definition.get("derivation") == "constraint" or definition["kind"] in ("logical", "primitive-type"):
            continue
        if definition["kind"] == "resource" and not definition["abstract"]:
            resources.append(definition["type"])
        elif definition["kind"] == "complex-type" and not definition["abstract"]:
            types.append(definition["type"])
        structures.update(_structure(definition, value_sets))
    expansions = {}
    for url in sorted(value_sets):
        codes, is_open = definitions.expand(url)
        expansions[url] = None if is_open else codes
    return {
        "version": "4.0.1",
        "resources": sorted(resources),
        "types": sorted(types),
        "structures": structures,
        "value_sets": expansions,
    }


def main(arguments: list[str]) -> None:
    """Build the file from the directory named on the command line."""
    directory = Path(arguments[0])
    output = Path(arguments[1]) if len(arguments) > 1 else Path(__file__).with_name("structures.json.gz")
    content = build(directory)
    text = json.dumps(content, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    output.write_bytes(gzip.compress(text, 9, mtime=0))
    opened = sorted(url for url, codes in content["value_sets"].items() if codes is None)
    print(f"{len(content['resources'])} resource types, {len(content['structures'])} structures")  # noqa: T201
    print(f"{len(content['value_sets'])} value sets, not enumerable: {opened}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
