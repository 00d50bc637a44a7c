"""From `portal.yaml` to sealed collections. Must not know the wire."""

from pydantic import ValidationError

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError, Problem, say
from sandbox.definitions.yamlio import Located, load_located
from sandbox.jsonio import Json
from sandbox.playground.branch import Seed
from sandbox.simulators.portal import models
from sandbox.simulators.portal.identifiers import FIELDS, normal

FILE = "portal.yaml"
COLLECTIONS = ("patients", "providers", "formulary", "questions", "prior_auth_requests", "drafts")


def load(dataset: Dataset | None) -> Seed:
    """Read the dataset's `portal.yaml`; without one every collection is empty.

    Raises `DefinitionError` with every problem found, each with file, line and key.
    """
    rows: dict[str, dict[str, Json]] = {name: {} for name in COLLECTIONS}
    if dataset is not None and FILE in dataset.files:
        file = dataset.display(FILE)
        located = load_located(dataset.files[FILE], file)
        if located.value is not None:
            _fill(rows, _parse(located, file), located, file)
    return Seed.of({f"portal/{name}": documents for name, documents in rows.items()})


def _parse(located: Located, file: str) -> models.PortalSeed:
    try:
        return models.PortalSeed.model_validate(located.value)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            path = tuple(item["loc"])
            problems.append(
                Problem(file, located.line_of(path), ".".join(map(str, path)), say(models.PortalSeed, item))
            )
        raise DefinitionError(problems) from None


def _fill(rows: dict[str, dict[str, Json]], seed: models.PortalSeed, located: Located, file: str) -> None:
    problems: list[Problem] = []
    taken: set[tuple[str, str]] = set()

    def tell(path: tuple[str | int, ...], message: str) -> None:
        problems.append(Problem(file, located.line_of(path), ".".join(map(str, path)), message))

    def take(kind: str, identifier: str, path: tuple[str | int, ...]) -> None:
        if (kind, normal(identifier)) in taken:
            tell(path, f'"{identifier}" stands twice; identifiers are unique, whatever their case')
        taken.add((kind, normal(identifier)))

    for section, field in FIELDS.items():
        for index, model in enumerate(getattr(seed, section)):
            row = model.model_dump(mode="json")
            take(section, row[field], (section, index))
            rows[section][models.key_of(section, row)] = row
    known = {
        name: {normal(row[field]): row[field] for row in rows[section].values()}
        for name, section, field in (
            ("patient_member_id", "patients", "member_id"),
            ("provider_npi", "providers", "npi"),
        )
    }
    for index, auth in enumerate(seed.prior_auths):
        row = auth.to_row()
        for name in ("request_id", "auth_number"):
            if row[name] is not None:
                take("prior_auths", row[name], ("prior_auths", index))
        for name, section in (("patient_member_id", "patients"), ("provider_npi", "providers")):
            value = row[name]
            if value is not None and normal(value) not in known[name]:
                tell(("prior_auths", index, name), f'there is no "{value}" among the {section}')
            elif value is not None:
                row[name] = known[name][normal(value)]
        rows["drafts" if auth.status == "draft" else "prior_auth_requests"][row["request_id"]] = row
    if problems:
        raise DefinitionError(problems)
