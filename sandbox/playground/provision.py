"""Provisioning: giving a task run its own playground, O(1) in the size of its seed."""

from collections.abc import Callable

from sandbox import ids

Mint = Callable[[str, int], str]


def secret_mint(random_seed: int | None, *parts: object) -> Mint:
    """Return the source of a sandbox's secrets: random, or derived in a seeded run.

    The returned function takes a prefix and the length of what follows it.
    """
    if random_seed is None:
        return ids.new_secret
    count = 0

    def mint(prefix: str, length: int) -> str:
        nonlocal count
        count += 1
        return prefix + ids.seeded_secret(random_seed, *parts, count, length=length)

    return mint
