"""FHIRPath expressions that people write: read strictly, evaluated by fhirpathpy.

The library itself skips over what it cannot parse, so `name.(` would mean `name`; here that is an
error.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from sandbox.errors import Invalid
from sandbox.jsonio import Json


def _check_syntax(expression: str) -> None:
    from antlr4 import CommonTokenStream, InputStream  # type: ignore[import-untyped]
    from antlr4.error.ErrorListener import ErrorListener  # type: ignore[import-untyped]
    from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
    from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

    class Raising(ErrorListener):  # type: ignore[misc]
        def syntaxError(  # noqa: N802 — the library's name
            self, recognizer: Any, symbol: Any, line: int, column: int, message: str, error: Any
        ) -> None:
            raise Invalid(f'The FHIRPath "{expression}" cannot be read at character {column + 1}: {message}.')

    lexer = FHIRPathLexer(InputStream(expression))
    parser = FHIRPathParser(CommonTokenStream(lexer))
    for recognizer in (lexer, parser):
        recognizer.removeErrorListeners()
        recognizer.addErrorListener(Raising())
    parser.entireExpression()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=256)
def compiled(expression: str) -> Callable[[Json], list[Json]]:
    """Return a function from a resource to the values of an expression.

    Raises `Invalid` when it is not FHIRPath, or uses a function that the library lacks.
    """
    import fhirpathpy
    from fhirpathpy.models import models

    _check_syntax(expression)
    try:
        run = cast(Callable[[Json], list[Json]], fhirpathpy.compile(expression, models["r4"]))
        run({})
    except NotImplementedError as error:
        raise Invalid(f'The FHIRPath "{expression}" is not supported: {error}.') from None
    except Exception as error:
        if "not implemented" in str(error).lower():
            raise Invalid(f'The FHIRPath "{expression}" is not supported: {error}.') from None
        # Other errors depend on the resource, and the empty one says nothing about them.
    return run


def values(expression: str, resource: Json) -> list[Json]:
    """Return the values of an expression on a resource; raises `Invalid` when it cannot be evaluated.

    >>> values("name.given", {"resourceType": "Patient", "name": [{"given": ["Maria", "Li"]}]})
    ['Maria', 'Li']
    """
    run = compiled(expression)
    try:
        return list(run(resource))
    except Exception as error:
        raise Invalid(f'The FHIRPath "{expression}" cannot be evaluated here: {error}.') from None
