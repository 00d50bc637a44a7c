"""Parameters of a query that are one of a few words. Raises `Invalid` for any other; none is passed over."""

from collections.abc import Mapping

from sandbox.errors import Invalid


def choice(query: Mapping[str, str], name: str, *known: str) -> str:
    """Return one of the known words, the first where the parameter is absent.

    >>> choice({}, "order", "desc", "asc"), choice({"order": "asc"}, "order", "desc", "asc")
    ('desc', 'asc')
    """
    value = query.get(name, known[0])
    if value not in known:
        problem = f"must be {' or '.join(known)}"
        raise Invalid(f'{name} {problem}, not "{value[:40]}".', details={name: [problem]})
    return value


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return whether a parameter is true; without it, it is false.

    >>> flag({"superseded": "true"}, "superseded"), flag({}, "superseded")
    (True, False)
    """
    return choice(query, name, "false", "true") == "true"
