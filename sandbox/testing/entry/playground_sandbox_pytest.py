"""What pytest loads by the distribution's entry point: it lets the plugin in, or steps aside with one line.

Every pytest run of everybody who installed the distribution loads this module, also in a project that has a package
`sandbox` of its own. So it has a name of its own, at the top of the wheel, and nothing named `sandbox` is imported
until a test asks for a fixture: the plugin is read from its file.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

import pytest

_HERE = Path(__file__).resolve().parent
# In the wheel this module stands beside the package, in a checkout below it.
_FILE = Path("testing", "plugin.py")
_PACKAGE = next(p for p in (_HERE / "sandbox", _HERE.parents[1]) if (p / _FILE).is_file())
_PLUGIN = "playground_sandbox_plugin"
_OTHER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Let the plugin in where `sandbox` is this distribution's package."""
    other = find_other([config.rootpath, config.rootpath / "src", config.invocation_params.dir])
    if other is not None:
        config.stash[_OTHER] = other
    else:
        config.pluginmanager.register(_load(), _PLUGIN)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say why there is no plugin."""
    other = config.stash.get(_OTHER, None)
    return None if other is None else f"playground-sandbox: no fixtures here, since {other} is another package sandbox"


def find_other(places: list[Path]) -> Path | None:
    """Return the file of another package or module `sandbox` in one of the places, or wherever imports look."""
    found = [PathFinder.find_spec("sandbox", [str(place)]) for place in (*places, *map(Path, sys.path))]
    found += [finder.find_spec("sandbox", None) for finder in sys.meta_path]
    for spec in found:
        # A folder without `__init__.py` has no origin; the distribution's package goes before it. One with the
        # plugin's file is a copy of the distribution's.
        if spec is not None and spec.origin is not None and not (Path(spec.origin).parent / _FILE).is_file():
            return Path(spec.origin)
    return None


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(_PLUGIN, _PACKAGE / _FILE)
    assert spec is not None and spec.loader is not None
    module = sys.modules[_PLUGIN] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
