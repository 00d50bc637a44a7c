"""Elements that a patch left empty go, and so do parents that this empties (R4, Element, ele-1: FHIR has none).

The one place that decides it, whichever form the patch had. It looks at the result and not at each operation: what one
operation empties, the next may fill.
"""

from sandbox.jsonio import Json


def remove_empty(holder: Json) -> None:
    """Remove, in place, every element below an object that has neither a value nor children.

    An id alone is no content, unless it is that of a primitive's value. Ids and extensions of primitives (`_given`)
    stay beside their values.

    >>> patient = {"telecom": [], "name": [{"id": "n"}, {"given": []}], "contact": [{"name": {}}], "active": True}
    >>> remove_empty(patient)
    >>> patient
    {'active': True}
    """
    for key, item in list(holder.items()):
        if isinstance(item, dict):
            remove_empty(item)
            if _is_empty(item, has_value=key[:1] == "_" and holder.get(key[1:]) is not None):
                del holder[key]
        elif isinstance(item, list):
            for child in item:
                if isinstance(child, dict):
                    remove_empty(child)
            if key[:1] != "_":
                item[:] = [child for child in item if not (isinstance(child, dict) and _is_empty(child))]
    for key in [name for name, item in holder.items() if name[:1] == "_" and isinstance(item, list)]:
        _align(holder, key[1:])
    for key in [name for name, item in holder.items() if item == []]:
        del holder[key]


def _is_empty(value: Json, *, has_value: bool = False) -> bool:
    return not value or (value.keys() == {"id"} and not has_value)


def _align(holder: Json, name: str) -> None:
    """Drop the places of a repeating primitive that hold neither a value nor something beside it.

    >>> name = {"given": ["Ana", None], "_given": [None, {}]}
    >>> _align(name, "given")
    >>> name
    {'given': ['Ana']}
    """
    beside = holder["_" + name]
    values = holder.get(name, [None] * len(beside))
    if not isinstance(values, list) or len(values) != len(beside):
        return  # not as FHIR has it, and refused for that
    rows = [
        (value, None if isinstance(item, dict) and _is_empty(item, has_value=value is not None) else item)
        for value, item in zip(values, beside, strict=True)
    ]
    kept = [row for row in rows if row != (None, None)]
    for key, items in ((name, [row[0] for row in kept]), ("_" + name, [row[1] for row in kept])):
        if all(item is None for item in items):
            holder.pop(key, None)
        else:
            holder[key] = items
