"""FHIRPath 2.0 with FHIR R4's extensions: one engine for checks, search parameters, patches and validation.

    compile_expression(text, type_name="Patient") → Expression
    Expression.evaluate(resource, Context(now=…)) → items (nodes and System values)
    Expression.values(resource, context)          → the same as JSON

`lexer` and `parser` make a tree, `compiler` and `functions` turn it into closures, `comparing`, `arithmetic` and
`units` hold the rules of values, `nodes` what is walked over. A leaf: it knows R4's types and UCUM, no store and no
wire; resolver, value sets and clock are handed in with each evaluation.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from sandbox.fhirpath import ast
from sandbox.fhirpath.compiler import Compiler
from sandbox.fhirpath.context import Context, Env, Evaluate, Types
from sandbox.fhirpath.errors import EvaluationProblem, FhirPathError, SemanticProblem, SyntaxProblem
from sandbox.fhirpath.functions import build
from sandbox.fhirpath.nodes import Item, Node, root_of
from sandbox.fhirpath.parser import parse
from sandbox.fhirpath.results import to_json
from sandbox.jsonio import Json


class Expression:
    """A compiled expression. `types` are those its items can have (`System.` before FHIRPath's own), None if open."""

    __slots__ = ("_run", "text", "types")

    def __init__(self, text: str, run: Evaluate, types: Types) -> None:
        self.text = text
        self.types = types
        self._run = run

    def evaluate(self, focus: Json | Node, context: Context | None = None) -> list[Item]:
        """Return the items of the expression on a resource or a node, in order.

        Raises `EvaluationProblem` where the specification ends the evaluation with an error, `TooCostly` past
        the context's limit.
        """
        node = focus if isinstance(focus, Node) else root_of(focus)
        context = context if context is not None else Context()
        resource, root = _resources(node)
        env = Env(context, [node], resource, root)
        try:
            return self._run(env)
        except FhirPathError as error:
            raise type(error)(error.why, error.position).place_in(self.text) from None
        except RecursionError:
            raise EvaluationProblem("it nests too deeply").place_in(self.text) from None

    def values(self, focus: Json | Node, context: Context | None = None) -> list[Json]:
        """Return the items as JSON values.

        >>> patient = {"resourceType": "Patient", "name": [{"given": ["Maria", "Li"]}]}
        >>> compile_expression("name.given", "Patient").values(patient)
        ['Maria', 'Li']
        """
        return [to_json(item) for item in self.evaluate(focus, context)]


def _resources(node: Node) -> tuple[Node, Node]:
    """Return the resource that a node stands in, and the outermost one."""
    resource = root = node
    while root.parent is not None:
        root = root.parent
    while resource.parent is not None and not (isinstance(resource.value, dict) and "resourceType" in resource.value):
        resource = resource.parent
    return resource, root


@lru_cache(maxsize=4096)
def _compiled(text: str, type_name: str | None, variables: frozenset[str], is_strict: bool) -> Expression:
    with _placed(text):
        return _expression(text, parse(text), type_name, variables, is_strict=is_strict)


def _expression(
    text: str, tree: ast.Node, type_name: str | None, variables: frozenset[str] = frozenset(), *, is_strict: bool
) -> Expression:
    types = None if type_name is None else frozenset({type_name})
    code = Compiler(types, variables, build, is_strict=is_strict).scoped(tree)
    return Expression(text, code.run, code.types)


@contextmanager
def _placed(text: str) -> Iterator[None]:
    """Complete what goes wrong with the expression."""
    try:
        yield
    except FhirPathError as error:
        raise error.place_in(text) from None
    except RecursionError:
        raise SyntaxProblem("it nests too deeply").place_in(text) from None


def compile_expression(
    text: str, type_name: str | None = None, variables: Iterable[str] = (), *, is_strict: bool = True
) -> Expression:
    """Compile an expression that is evaluated on a type; `variables` are the names, without `%`, it may use.

    Raises `SyntaxProblem` and `SemanticProblem`, with the place and what was probably meant. When not strict, names
    of elements are not held against R4, and what can never be true is only never true.

    >>> compile_expression("nmae.exists()", "Patient")
    Traceback (most recent call last):
    sandbox.fhirpath.errors.SemanticProblem: The FHIRPath "nmae.exists()" cannot be used at character 1: \
Patient has no element "nmae"; did you mean "name"?.
    """
    return _compiled(text, type_name, frozenset(variables), is_strict)


@lru_cache(maxsize=1024)
def compile_owner(text: str, type_name: str) -> tuple[Expression, str]:
    """Compile what comes before the last name of a path, and return it with the name: what holds a list, and which.

    Raises `SyntaxProblem` and `SemanticProblem`, the first also for an expression that does not end in a name.

    >>> owner, name = compile_owner("Patient.name[0].given", "Patient")
    >>> owner.values({"resourceType": "Patient", "name": [{"family": "Chen"}]}), name
    ([{'family': 'Chen'}], 'given')
    """
    with _placed(text):
        tree = parse(text)
        last = tree.steps[-1] if isinstance(tree, ast.Path) else None
        if not isinstance(tree, ast.Path) or not isinstance(last, ast.Member):
            raise SyntaxProblem("it does not end in the name of an element")
        _expression(text, tree, type_name, is_strict=True)
        owner = ast.Path(tree.start, tree.steps[:-1], tree.position)
        return _expression(text, owner, type_name, is_strict=True), last.name


__all__ = [
    "Context",
    "EvaluationProblem",
    "Expression",
    "FhirPathError",
    "Node",
    "SemanticProblem",
    "SyntaxProblem",
    "compile_expression",
    "compile_owner",
    "root_of",
]
