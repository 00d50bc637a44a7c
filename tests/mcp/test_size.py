"""What a model has to read before it begins: the tools of each environment, at four characters a token."""

from sandbox.definitions.library import load_library
from sandbox.settings import Settings
from tests.mcp.sizes import TOKENS_MAX, tokens_of


def test_the_tools_of_each_environment_are_short(registry):
    settings = Settings()
    library = load_library(settings.playground_dirs, settings.seed_dirs, registry)
    sizes = {b.definition.reference: tokens_of(registry, b.definition) for b in library.benchmarks.values()}
    assert sizes and max(sizes.values()) <= TOKENS_MAX, sizes
