"""From `portal.yaml` to sealed collections. Must not know the wire."""

from pydantic import ValidationError

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError, Problem, say
from sandbox.definitions.yamlio import Located, load_located
from sandbox.jsonio import Json
from sandbox.playground.branch import Seed
from sandbox.simulators.portal import models

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

    def add(section: str, collection: str, index: int, row: Json) -> None:
        key = models.key_of(collection, row)
        if key in rows[collection]:
            message = f'"{key}" stands twice; identifiers are unique'
            problems.append(Problem(file, located.line_of((section, index)), f"{section}.{index}", message))
        rows[collection][key] = row

    for section in ("patients", "providers", "formulary", "questions"):
        for index, model in enumerate(getattr(seed, section)):
            add(section, section, index, model.model_dump(mode="json"))
    for index, auth in enumerate(seed.prior_auths):
        add("prior_auths", "drafts" if auth.status == "draft" else "prior_auth_requests", index, auth.to_row())
        for name, known in (("patient_member_id", "patients"), ("provider_npi", "providers")):
            value = getattr(auth, name)
            if value is not None and value not in rows[known]:
                path = ("prior_auths", index, name)
                message = f'there is no "{value}" among the {known}'
                problems.append(Problem(file, located.line_of(path), ".".join(map(str, path)), message))
    if problems:
        raise DefinitionError(problems)
