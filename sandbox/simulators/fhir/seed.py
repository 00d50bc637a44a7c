"""Seed data: `fhir/*.json` (a Bundle of any type, or one resource) and `fhir/*.ndjson` of a dataset.

Everything is validated before a playground sees it: each resource, that no id comes twice, and
that every local reference points to something in the dataset. A resource keeps its
`meta.lastUpdated`; without one it gets `SEED_INSTANT`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

from sandbox import ids, jsonio
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError, Problem
from sandbox.errors import SandboxError
from sandbox.garbage import no_collection
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Document, Seed, SeedCollection
from sandbox.r4.validation import Link, walk
from sandbox.r4.validation.literals import is_urn_uuid, parse_conditional, parse_literal
from sandbox.r4.validation.walker import expression
from sandbox.simulators.fhir.state import stamped
from sandbox.simulators.fhir.terms.names import collection_of
from sandbox.subscriptions.rules import is_asking

SEED_INSTANT: Final = "2026-01-01T00:00:00.000Z"
PROBLEMS_MAX: Final = 100


@dataclass(slots=True)
class Item:
    """One resource of a file: where it stands, and the fullUrl of its entry. `entry` is None outside Bundles."""

    file: str
    line: int
    resource: Json
    full_url: str | None = None
    entry: int | None = None
    text: bytes = b""

    def at_line(self) -> int:
        """Return the line where the resource begins; found only when it is asked for."""
        return self.line if self.entry is None else line_of_entry(self.text, self.entry)


@dataclass(slots=True)
class Loader:
    """The state of one load."""

    dataset: Dataset
    documents: dict[str, dict[str, Document]] = field(default_factory=dict)
    places: dict[tuple[str, str], tuple[str, int, int | None, bytes]] = field(default_factory=dict)
    pending: list[tuple[str, str, str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def load(self) -> Seed:
        """Load every file; raises `DefinitionError` with all problems."""
        for name, content in self.dataset.under("fhir"):
            path = self.dataset.display("fhir/" + name)
            try:
                self._file(path, name, content)
            except SandboxError as error:
                self.problems.append(Problem(path, _line_in(error.message), "", error.message))
            except DefinitionError as error:
                self.problems += error.problems
        self._check_references()
        if self.problems:
            raise DefinitionError(self.problems[:PROBLEMS_MAX])
        collections = {collection_of(name): SeedCollection(rows) for name, rows in sorted(self.documents.items())}
        return Seed(collections)

    def _file(self, path: str, name: str, content: bytes) -> None:
        items: Iterable[Item] = read_items(path, name, content)
        targets: dict[str, str] = {}
        if name.endswith(".ndjson"):  # rows do not name each other, so each can be let go before the next is read
            for item in items:
                self._add(item, targets)
            return
        items = list(items)
        for item in items:
            self._identify(item)
            if item.full_url is not None and isinstance(item.resource, dict):
                targets[item.full_url] = f"{item.resource.get('resourceType')}/{item.resource.get('id')}"
        for item in items:
            self._add(item, targets)

    def _identify(self, item: Item) -> None:
        resource = item.resource
        if not isinstance(resource, dict) or "id" in resource or item.entry is None:
            return
        literal = parse_literal(item.full_url) if item.full_url else None
        if item.full_url and is_urn_uuid(item.full_url):
            resource["id"] = item.full_url.removeprefix("urn:uuid:").lower()
        elif literal is not None and literal.type == resource.get("resourceType"):
            resource["id"] = literal.id
        else:
            resource["id"] = ids.derived_id("", self.dataset.name, item.file, item.entry)

    def _add(self, item: Item, targets: Mapping[str, str]) -> None:
        resource = item.resource
        issues, links = walk(resource, allows_conditional=True, identities=targets.keys())
        for issue in issues:
            self._problem(item, issue.expression or "", issue.diagnostics)
        if issues:
            return
        if resource.get("status") != "error" and is_asking(resource):
            said = (
                'A seed holds no Subscription that asks to be delivered, only one that is "off" or in "error"; '
                "write it with a scenario step, put_fhir."
            )
            self._problem(item, "Subscription.status", said)
            return
        resource_type, resource_id = resource["resourceType"], resource.get("id")
        if resource_id is None:
            self._problem(item, f"{resource_type}.id", "A seed resource needs an id.")
            return
        if (resource_type, resource_id) in self.places:
            file, line, entry, text = self.places[resource_type, resource_id]
            first = f"{file}:{line if entry is None else line_of_entry(text, entry)}"
            self._problem(
                item, f"{resource_type}.id", f"{resource_type}/{resource_id} is there twice, first in {first}."
            )
            return
        self.places[resource_type, resource_id] = item.file, item.line, item.entry, item.text
        for link in links:
            self._link(item, link, targets)
        instant = (resource.get("meta") or {}).get("lastUpdated") or SEED_INSTANT
        text = jsonio.dump_to_keep(stamped(resource, resource_id, 1, instant))
        self.documents.setdefault(resource_type, {})[resource_id] = Document(json=text)
        item.resource = None  # the text is enough; a value is parsed when somebody reads it

    def _link(self, item: Item, link: Link, targets: Mapping[str, str]) -> None:
        text = link.text
        target = targets.get(text)
        if target is not None and link.kind != "xhtml" and text.startswith("urn:"):
            link.holder[link.key] = text = target
        if link.kind != "reference":
            return
        literal = parse_literal(text)
        is_conditional = parse_conditional(text) is not None
        if (literal is not None and not literal.base) or is_conditional or text.startswith("urn:uuid:"):
            resource = item.resource
            self.pending.append((resource["resourceType"], resource["id"], expression(link.at), text))

    def _check_references(self) -> None:
        conditional: list[tuple[str, str, str, str]] = []
        for row in self.pending:
            resource_type, resource_id, where, text = row
            literal = parse_literal(text)
            if literal is None and not text.startswith("urn:"):
                conditional.append(row)
            elif literal is None:
                self._problem(self._item(resource_type, resource_id), where, f'"{text}" is no fullUrl of this Bundle.')
            elif (literal.type, literal.id) not in self.places:
                message = f'"{text}" points to nothing in the dataset.'
                self._problem(self._item(resource_type, resource_id), where, message)
        if conditional and not self.problems:
            self._resolve(conditional)

    def _item(self, resource_type: str, resource_id: str) -> Item:
        file, line, entry, text = self.places[resource_type, resource_id]
        return Item(file, line, None, None, entry, text)

    def _resolve(self, rows: list[tuple[str, str, str, str]]) -> None:
        """Replace conditional references (`Practitioner?identifier=…`) by what they find in the dataset."""
        from sandbox.simulators.fhir.rest.conditions import criteria
        from sandbox.simulators.fhir.search import find

        branch = Branch(Seed({collection_of(n): SeedCollection(docs) for n, docs in self.documents.items()}))
        found: dict[str, str] = {}
        for resource_type, resource_id, where, text in rows:
            if text in found:
                continue
            target, condition = parse_conditional(text) or ("", "")
            try:
                matches = find(branch, target, criteria(condition, "A conditional reference"))
            except SandboxError as error:
                self._problem(self._item(resource_type, resource_id), where, error.message)
                continue
            if len(matches) != 1:
                message = f'"{text}" matches {len(matches)} resources of the dataset.'
                self._problem(self._item(resource_type, resource_id), where, message)
                continue
            found[text] = f"{target}/{matches[0]}"
        for resource_type, resource_id in dict.fromkeys(row[:2] for row in rows):
            value = jsonio.parse(self.documents[resource_type][resource_id].json)
            _, links = walk(value, allows_conditional=True)
            for link in links:
                if link.kind == "reference" and link.text in found:
                    link.holder[link.key] = found[link.text]
            self.documents[resource_type][resource_id] = Document(json=jsonio.dump_to_keep(value))

    def _problem(self, item: Item, key: str, message: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(item.file, item.at_line(), key, message))


def _line_in(message: str) -> int:
    found = re.search(r"at line (\d+)", message)
    return int(found[1]) if found else 0


def read_items(path: str, name: str, content: bytes) -> Iterator[Item]:
    """Yield the resources of one file; raises `Malformed` and `DefinitionError`."""
    if name.endswith(".ndjson"):
        # One line at a time: a list of all would hold the file once more.
        for number, row in enumerate(content.splitlines() if b"\r" in content else BytesIO(content), 1):
            if not row.strip():
                continue
            try:
                yield Item(path, number, jsonio.parse(row.removesuffix(b"\n")))
            except SandboxError as error:
                message = error.message.replace("at line 1, column", "at column")
                raise DefinitionError.at(path, message, line=number) from None
        return
    if not name.endswith(".json"):
        raise DefinitionError.at(path, "FHIR seed files are .json (a Bundle or a resource) or .ndjson")
    value = jsonio.parse(content)
    if not isinstance(value, dict):
        raise DefinitionError.at(path, "must be a FHIR resource: a JSON object with a resourceType", line=1)
    if value.get("resourceType") != "Bundle":
        yield Item(path, 1, value)
        return
    for index, entry in enumerate(value.get("entry", ())):
        if not isinstance(entry, dict) or "resource" not in entry:
            line = line_of_entry(content, index)
            raise DefinitionError.at(
                path, "an entry of a seed needs a resource", line=line, key=f"Bundle.entry[{index}]"
            )
        yield Item(path, 0, entry["resource"], entry.get("fullUrl"), index, content)


def line_of_entry(content: bytes, index: int) -> int:
    r"""Return the line on which an entry of a Bundle begins, 1-based; the text must be valid JSON.

    >>> line_of_entry(b'{"entry": [\n{"a": "]"},\n{"b": [1]}\n]}', 1)
    3
    """
    depth, seen, position, in_entry = 0, -1, 0, False
    for match in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', content):
        token = match[0]
        if token in (b"{", b"["):
            depth += 1
            if in_entry and depth == 3 and token == b"{":
                seen += 1
                if seen == index:
                    position = match.start()
                    break
            if depth == 2 and token == b"[" and in_entry is False:
                before = content[: match.start()].rstrip()
                in_entry = before.endswith(b":") and before[:-1].rstrip().endswith(b'"entry"')
        elif token in (b"}", b"]"):
            if depth == 2 and in_entry:
                break
            depth -= 1
    return content.count(b"\n", 0, position) + 1


def load_seed(dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
    """Load a dataset's FHIR files into sealed collections; raises `DefinitionError`."""
    if dataset is None:
        return Seed()
    with no_collection():
        return Loader(dataset).load()


def deep_check(dataset: Dataset) -> list[Problem]:
    """Return what a second, independent implementation (`fhir.resources`) finds wrong in a dataset.

    Slow; for `sandbox check`. Assumes that the dataset loads.
    """
    from sandbox.r4.validation.second_opinion import second_opinion

    problems = []
    for name, content in dataset.under("fhir"):
        for item in read_items(dataset.display("fhir/" + name), name, content):
            for where, message in second_opinion(item.resource):
                problems.append(Problem(item.file, item.at_line(), where, message))
    return problems
