"""Results as JSON, for evidence and for those who compare with JSON values."""

from decimal import Decimal

from sandbox.fhirpath.nodes import Item, Node
from sandbox.fhirpath.values import plain
from sandbox.jsonio import ExactFloat, Json


def to_json(item: Item) -> Json:
    """Return an item as JSON: elements as they are stored, numbers with their digits, dates and quantities as text.

    >>> to_json(Decimal("4.10")).text, to_json(True)
    ('4.10', True)
    """
    if isinstance(item, Node):
        return item.value
    if isinstance(item, bool | str):
        return item
    if isinstance(item, int):
        return int(item)
    if isinstance(item, Decimal):
        return ExactFloat(plain(item))
    return str(item)
