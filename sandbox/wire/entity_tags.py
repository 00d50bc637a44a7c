"""Entity tags in conditional requests: RFC 9110 §8.8.3 and §13.1. Pure."""


def lists_etag(header: str, etag: str, *, is_weak_enough: bool) -> bool:
    """Tell whether a list of entity tags (or `*`) holds this one.

    >>> lists_etag('W/"a", "b"', '"a"', is_weak_enough=True), lists_etag('W/"a"', '"a"', is_weak_enough=False)
    (True, False)
    """
    for item in header.split(","):
        tag = item.strip()
        if tag == "*" or tag == etag or (is_weak_enough and tag == f"W/{etag}"):
            return True
    return False
