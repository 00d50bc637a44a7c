"""Hot reload: watch the definitions' directories and swap in what is valid as a whole."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from watchfiles import awatch

from sandbox.definitions.library import Library, Shelf
from sandbox.definitions.problems import DefinitionError
from sandbox.logs import get_logger

log = get_logger()


async def watch(
    shelf: Shelf,
    directories: list[Path],
    load: Callable[[], Library],
    keep: Callable[[Library], Awaitable[None]],
    stop: asyncio.Event,
    ready: asyncio.Event,
) -> None:
    """Reload after every change below the directories until `stop` is set.

    `ready` is set when changes are being seen. Loading runs on a thread; a change that does not
    load leaves the shelf as it is. `keep` stores a new library's datasets before it is used.
    """
    existing = [d for d in directories if d.is_dir()]
    if not existing:
        ready.set()
        return
    async for changes in awatch(*existing, stop_event=stop, rust_timeout=200, yield_on_timeout=True):
        ready.set()
        if not changes:
            continue
        try:
            library = await asyncio.to_thread(load)
        except DefinitionError as error:
            shelf.refuse(error)
            log.error("definitions not reloaded", problems=[str(p) for p in error.problems])
        except OSError as error:
            shelf.refuse(DefinitionError.at(error.filename or "", str(error)))
            log.error("definitions not reloaded", problems=[str(error)])
        except Exception as error:  # whatever a definition does to the loader, the next change is looked at
            shelf.refuse(DefinitionError.at("", f"the definitions cannot be loaded: {type(error).__name__}"))
            log.exception("definitions not reloaded")
        else:
            await keep(library)
            shelf.swap(library)
            log.info("definitions reloaded", benchmarks=[b.definition.reference for b in library.benchmarks.values()])
