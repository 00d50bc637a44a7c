"""Derive the search data files from HL7's own R4 package (run by hand, not at run time).

    npm pack hl7.fhir.r4.examples@4.0.1 && tar xzf hl7.fhir.r4.examples-4.0.1.tgz
    python -m sandbox.simulators.fhir.data.build_search_parameters package

The package holds every definition of the R4 core specification and is in the public domain
(CC0-1.0). Written: `search_parameters.json`, `compartments.json`, `summary_elements.json`, next to
this file.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sandbox.simulators.fhir.data.expressions import (
    READABLE,
    CannotCompile,
    Structures,
    Walk,
    compile_term,
    head,
    terms,
)

HERE: Final = Path(__file__).parent
SERVED_COMPARTMENTS: Final = ("Patient", "Encounter", "Practitioner", "RelatedPerson", "Device")
NOTICE: Final = (
    "Derived from the FHIR R4 (4.0.1) definitions, https://hl7.org/fhir/R4, published by HL7 International "
    "under CC0-1.0 (public domain). FHIR is a registered trademark of HL7."
)


def load(package: Path, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the package's resources of one type, by file name."""
    for path in sorted(package.glob(f"{kind}-*.json")):
        yield json.loads(path.read_text("utf-8"))


def is_core(parameter: dict[str, Any]) -> bool:
    """Whether it belongs to a resource's own definition, not to an extension or an example."""
    name = parameter["url"].rsplit("/", 1)[1]
    return bool(parameter.get("base")) and not re.match(r"example|filter$|.*-extensions-|.*-genetic-", name)


def repaired(parameter: dict[str, Any]) -> dict[str, Any]:
    """Put right what R4 got wrong: the definitions of this composite's components are swapped."""
    if parameter["url"].endswith("/DocumentReference-relationship"):
        first, second = parameter["component"]
        swapped = [{**first, "definition": second["definition"]}, {**second, "definition": first["definition"]}]
        return {**parameter, "component": swapped}
    return parameter


def build(package: Path) -> None:
    """Write all data files."""
    structures = Structures()
    resources: list[str] = []
    for definition in load(package, "StructureDefinition"):
        if definition.get("derivation") == "constraint" or definition["kind"] == "logical":
            continue
        structures.add(definition)
        if definition["kind"] == "resource" and not definition["abstract"]:
            resources.append(definition["type"])
    parameters = [repaired(p) for p in load(package, "SearchParameter") if is_core(p)]
    systems = value_set_systems(package)
    by_url = {p["url"]: p for p in parameters}
    rows = [row_of(p, structures, sorted(resources), by_url, systems) for p in parameters]
    rows.sort(key=lambda row: (row["code"], row["url"]))
    write("search_parameters.json", {"notice": NOTICE, "resource_types": sorted(resources), "parameters": rows})
    write("compartments.json", {"notice": NOTICE, "compartments": compartments(package)})
    write(
        "summary_elements.json", {"notice": NOTICE, "resources": {r: summary(structures, r) for r in sorted(resources)}}
    )


def value_set_systems(package: Path) -> dict[str, list[str]]:
    """Return the code systems that each value set draws from."""
    found = {}
    for value_set in load(package, "ValueSet"):
        includes = value_set.get("compose", {}).get("include", ())
        found[value_set["url"]] = sorted({i["system"] for i in includes if "system" in i})
    return found


def row_of(
    parameter: dict[str, Any],
    structures: Structures,
    resources: list[str],
    by_url: dict[str, dict[str, Any]],
    systems: dict[str, list[str]],
) -> dict[str, Any]:
    """Trim one SearchParameter, with its paths for each base type."""
    row: dict[str, Any] = {key: parameter[key] for key in ("code", "url", "type", "base")}
    row["documentation"] = documentation(parameter)
    if parameter.get("target"):
        row["target"] = sorted(parameter["target"])
    expression = parameter.get("expression")
    if not expression:
        return row
    row["expression"] = expression
    if parameter["code"] == "deceased":
        row["paths"] = {"Patient": [{"path": "", "type": "deceased"}]}
        return row
    if parameter["type"] == "special":
        row["paths"] = {base: [{"path": "position", "type": "special"}] for base in parameter["base"]}
        return row
    row["paths"] = {}
    for base in parameter["base"]:
        walks = walks_of(structures, expression, base)
        if parameter["type"] == "composite":
            row["paths"][base] = [composite_path(walk, parameter, structures, base, by_url, systems) for walk in walks]
        else:
            row["paths"][base] = leaves(walks, parameter["type"], systems)
            if walks[0].type == "Resource":
                # A resource inside this one; what else may stand in its place is not meant.
                row["paths"][base] = [{**path, "target": row["target"][0]} for path in row["paths"][base]]
        if not row["paths"][base]:
            raise SystemExit(f"{parameter['url']}: nothing to read in {base}")
    if parameter["type"] == "composite":
        row["components"] = [
            {
                "code": by_url[c["definition"]]["code"],
                "type": by_url[c["definition"]]["type"],
                "expression": c["expression"],
            }
            for c in parameter["component"]
        ]
    return row


def walks_of(structures: Structures, expression: str, base: str) -> list[Walk]:
    """Compile the terms of an expression that belong to one base type."""
    walks = []
    for term in terms(expression):
        name = head(term)
        if name in structures.children and name[0].isupper() and name not in (base, "Resource", "DomainResource"):
            continue
        root = name if name in ("Resource", "DomainResource") else base
        walks += compile_term(structures, term, Walk((), root))
    return walks


def leaves(walks: list[Walk], kind: str, systems: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return the paths whose type a parameter of this kind can read."""
    rows: list[dict[str, Any]] = []
    for walk in walks:
        if walk.type not in READABLE[kind]:
            continue
        row: dict[str, Any] = {"path": ".".join(walk.steps), "type": walk.type}
        if walk.target:
            row["target"] = walk.target
        if walk.type == "code" and walk.element and walk.element.value_set and systems.get(walk.element.value_set):
            row["systems"] = systems[walk.element.value_set]
        if row not in rows:
            rows.append(row)
    return rows


def composite_path(
    walk: Walk,
    parameter: dict[str, Any],
    structures: Structures,
    base: str,
    by_url: dict[str, dict[str, Any]],
    systems: dict[str, list[str]],
) -> dict[str, Any]:
    """Return one root of a composite with the paths of its components below it."""
    components = []
    for component in parameter["component"]:
        kind = by_url[component["definition"]]["type"]
        found: list[Walk] = []
        is_rooted = component["expression"].startswith("%resource.")
        for term in terms(component["expression"].removeprefix("%resource.")):
            try:
                found += compile_term(structures, term, Walk((), base if is_rooted else walk.type))
            except CannotCompile as error:
                raise SystemExit(f"{parameter['url']}: {error}") from None
        rows = leaves(found, kind, systems)
        components.append([{**row, "path": "/" + row["path"]} if is_rooted else row for row in rows])
    return {"path": ".".join(walk.steps), "components": components}


def documentation(parameter: dict[str, Any]) -> str | dict[str, str]:
    """Return the description, split by resource type where it is a list of them."""
    text = re.sub(r"\s+", " ", parameter["description"]).strip()
    by_base = dict(re.findall(r"\* \[(\w+)\]\([^)]*\): (.*?)(?= \* \[|$)", text))
    return by_base or text


def compartments(package: Path) -> dict[str, dict[str, list[str]]]:
    """Return, for each compartment, the parameters that put a resource of a type into it."""
    found = {}
    for definition in load(package, "CompartmentDefinition"):
        if definition["code"] in SERVED_COMPARTMENTS and definition["id"].lower() == definition["code"].lower():
            rows = {r["code"]: r["param"] for r in definition["resource"] if r.get("param")}
            found[definition["code"]] = rows
    return {code: found[code] for code in SERVED_COMPARTMENTS}


def summary(structures: Structures, resource: str) -> dict[str, Any]:
    """Return the resource's top-level JSON elements, the mandatory ones, and the tree of its summary."""
    elements = structures.children[resource]
    return {
        "elements": sorted(key for e in elements.values() for key in json_keys(e)),
        "choices": {e.name: json_keys(e) for e in elements.values() if e.is_choice},
        "mandatory": sorted(key for e in elements.values() if e.is_mandatory for key in json_keys(e)),
        "summary": summary_tree(structures, resource),
    }


def json_keys(element: Any) -> list[str]:
    """Return the JSON names of an element: one, or one per type of a choice."""
    if not element.is_choice:
        return [element.name]
    return [element.name + t[0].upper() + t[1:] for t in element.types]


def summary_tree(structures: Structures, path: str) -> dict[str, Any]:
    """Return the summary elements below a resource or backbone element; True for a whole one."""
    tree: dict[str, Any] = {}
    for element in structures.children[path].values():
        if not element.is_summary:
            continue
        own = f"{path}.{element.name}"
        for key in json_keys(element):
            tree[key] = summary_tree(structures, own) if own in structures.children else True
    return tree


def write(name: str, value: Any) -> None:
    """Write one data file, a row a line, so that a change can be read."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = re.sub(r"(?<=[\]}]),(?=\{\"code\"|\"[A-Z]\w+\":)", ",\n", text)
    (HERE / name).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
