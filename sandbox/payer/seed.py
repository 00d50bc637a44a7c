"""From `portal.yaml` and `payer.yaml` to sealed collections. Must not know the wire.

Both files are of one payer: whatever simulator acts for it reads both.
"""

from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError, Problem, say
from sandbox.definitions.yamlio import Located, load_located
from sandbox.jsonio import Json
from sandbox.payer import models, plan_models
from sandbox.payer.case_rows import DATED, dates_of
from sandbox.payer.identifiers import FIELDS, normal
from sandbox.playground.branch import Seed

FILE = "portal.yaml"
PLAN_FILE = "payer.yaml"
COLLECTIONS = ("patients", "providers", "formulary", "questions", "prior_auth_requests", "drafts")
# The collections of `payer.yaml`, and the field that a row is kept under; without one it is its place in the file.
_PLAN_KEYS: Final = {"coverages": "coverage_id", "benefits": None, "accumulators": None, "claims": "claim_number"}
PLAN_COLLECTIONS = tuple(_PLAN_KEYS)


def load(dataset: Dataset | None) -> Seed:
    """Read the dataset's `portal.yaml` and `payer.yaml`; without them every collection is empty.

    Raises `DefinitionError` with every problem found, each with file, line and key.
    """
    rows: dict[str, dict[str, Json]] = {name: {} for name in COLLECTIONS}
    if dataset is not None and PLAN_FILE in dataset.files:
        rows |= {name: {} for name in PLAN_COLLECTIONS}
    for name, model, fill in ((FILE, models.PortalSeed, _fill), (PLAN_FILE, plan_models.PayerSeed, _fill_plan)):
        if dataset is not None and name in dataset.files:
            file = dataset.display(name)
            located = load_located(dataset.files[name], file)
            if located.value is not None:
                fill(rows, _parse(model, located, file), located, file)
    found = {f"portal/{name}": documents for name, documents in rows.items()}
    dated: dict[str, Json] = {key: {} for key, row in rows["prior_auth_requests"].items() if any(dates_of(row))}
    return Seed.of({**found, DATED: dated} if dated else found)


def _parse(model: type[BaseModel], located: Located, file: str) -> Any:
    try:
        return model.model_validate(located.value)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            path = tuple(item["loc"])
            problems.append(Problem(file, located.line_of(path), ".".join(map(str, path)), say(model, item)))
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


def _fill_plan(rows: dict[str, dict[str, Json]], seed: plan_models.PayerSeed, located: Located, file: str) -> None:
    problems: list[Problem] = []

    def tell(path: tuple[str | int, ...], message: str) -> None:
        problems.append(Problem(file, located.line_of(path), ".".join(map(str, path)), message))

    members = {normal(key): key for key in rows["patients"]}
    providers = {normal(key) for key in rows["providers"]}
    taken: set[tuple[str, str]] = set()
    for section, field in (
        ("coverages", "coverage_id"),
        ("benefits", None),
        ("accumulators", None),
        ("claims", "claim_number"),
    ):
        for index, model in enumerate(getattr(seed, section)):
            row = model.to_row() if isinstance(model, plan_models.Claim) else model.model_dump(mode="json")
            if "member_id" in row and normal(row["member_id"]) not in members:
                tell((section, index, "member_id"), f'there is no "{row["member_id"]}" among the patients of {FILE}')
            elif "member_id" in row:
                row["member_id"] = members[normal(row["member_id"])]
            if "provider_npi" in row and normal(row["provider_npi"]) not in providers:
                tell(
                    (section, index, "provider_npi"),
                    f'there is no "{row["provider_npi"]}" among the providers of {FILE}',
                )
            key = f"{index:05}" if field is None else row[field]
            if field is not None:
                if (section, normal(key)) in taken:
                    tell((section, index), f'"{key}" stands twice; identifiers are unique, whatever their case')
                taken.add((section, normal(key)))
            rows[section][key] = row
    if problems:
        raise DefinitionError(problems)
