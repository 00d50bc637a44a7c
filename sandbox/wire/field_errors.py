"""What is wrong with the fields of a JSON body, told alike by the API and by every surface that takes one."""

import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from sandbox.suggest import SUGGESTED_MAX, nearest

TOLD_MAX: Final = 1_000


def field_errors(model: type[BaseModel], error: ValidationError) -> dict[str, list[str]]:
    """Return what pydantic found, by the dotted name of the field; `body` is the body itself.

    >>> class Named(BaseModel, extra="forbid"):
    ...     name: str
    >>> try:
    ...     Named.model_validate({"nmae": "x"})
    ... except ValidationError as error:
    ...     field_errors(Named, error)
    {'name': ['Required field'], 'nmae': ['Unknown field; did you mean "name"?']}
    """
    found: dict[str, list[str]] = {}
    items = error.errors(include_url=False, include_context=False, include_input=False)
    if len(items) > TOLD_MAX:
        found["body"] = [f"{len(items):,} fields are wrong; these are the first {TOLD_MAX:,}."]
    for item in items[:TOLD_MAX]:
        place = item["loc"]
        said = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden" and len(found) < SUGGESTED_MAX:
            said = unknown_field(str(place[-1]), known_keys(model, place[:-1]))
        elif item["type"] == "extra_forbidden":
            said = "Unknown field; leave it out."
        elif item["type"] == "missing":
            said = "Required field"
        found.setdefault(".".join(map(str, place)) or "body", []).append(said)
    return found


def in_words(words: str) -> WrapValidator:
    """Return what says a field's pattern in words; the schema of the field keeps the pattern.

    >>> from typing import Annotated
    >>> from pydantic import StringConstraints, TypeAdapter
    >>> Npi = Annotated[str, StringConstraints(pattern="^[0-9]{10}$"), in_words("must be 10 digits")]
    >>> try:
    ...     TypeAdapter(Npi).validate_python("1")
    ... except ValidationError as error:
    ...     error.errors()[0]["msg"]
    'Value error, must be 10 digits'
    """

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if any(item["type"] == "string_pattern_mismatch" for item in error.errors()):
                raise ValueError(words) from None
            raise

    return WrapValidator(check)


def unknown_field(name: str, known: Iterable[str]) -> str:
    """Say that there is no such field, with the nearest that there is.

    >>> unknown_field("paylod", ["payload"]), unknown_field("x", ["payload"])
    ('Unknown field; did you mean "payload"?', 'Unknown field; leave it out.')
    """
    near = nearest(name, known)
    return f'Unknown field; did you mean "{near}"?' if near is not None else "Unknown field; leave it out."


def known_keys(model: type[BaseModel], place: Sequence[str | int]) -> frozenset[str]:
    """Return the keys that a model takes at a place inside of it."""
    models = {model}
    for part in place:
        if isinstance(part, int):
            continue  # the members of a list are of the models its annotation names
        fields = [f for m in models for name, f in m.model_fields.items() if part in _names(name, f)]
        found = {inner for field in fields for inner in _models_in(field.annotation)}
        models = found or models  # a part of a union is named by its type, which is no key
    return frozenset(key for m in models for name, f in m.model_fields.items() for key in _names(name, f))


def _names(name: str, field: Any) -> set[str]:
    alias = field.validation_alias or field.alias
    if isinstance(alias, AliasChoices):
        return {str(choice) for choice in alias.choices}
    return {str(alias or name)}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        for argument in get_args(annotation):
            yield from _models_in(argument)
