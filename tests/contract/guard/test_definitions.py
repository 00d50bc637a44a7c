"""Definitions and data from somebody else: nothing outside of them is read, and nothing grows without bound."""

import asyncio
import os

import pytest

from sandbox import limits
from sandbox.api.context import SHELF
from sandbox.app import WATCHING
from sandbox.definitions.problems import DefinitionError


async def refused(serve):
    with pytest.raises(DefinitionError) as caught:
        async with serve():
            pass
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("files/inbox/passwd.txt", "secret.txt"),
        ("files/inbox/up.txt", "../../../../secret.txt"),
        ("fhir/More.ndjson", "secret.txt"),
        ("files/inbox/none.txt", "nothing"),
        ("files/whole", "."),
    ],
)
async def test_a_link_out_of_the_seeds(serve, disk, name, target):
    (disk.root / "secret.txt").write_text("a secret of the user's")
    link = disk.seeds / "small" / name
    link.symlink_to(target if target.startswith("..") else disk.root / target)
    said = await refused(serve)
    assert f"seeds/small/{name}" in said and "a secret" not in said
    assert "leads out of seeds/" in said


async def test_a_dataset_that_is_a_link_out_and_a_pipe(serve, disk):
    (disk.root / "elsewhere").mkdir()
    (disk.root / "elsewhere" / "x.txt").write_text("x")
    (disk.seeds / "other").symlink_to(disk.root / "elsewhere")
    os.mkfifo(disk.seeds / "small" / "files" / "pipe")
    said = await refused(serve)
    assert "seeds/other/x.txt: is a link that leads out" in said and "seeds/small/files/pipe: is not a file" in said


async def test_a_link_inside_the_seeds_is_a_file(serve, disk):
    (disk.seeds / "small" / "files" / "inbox" / "again.txt").symlink_to("referral.txt")
    async with serve() as live:
        run = await live.started()
        assert (await run.call("GET", "files/inbox/again.txt")).body == b"Please see Ana Reyes.\n"


async def test_a_benchmark_that_is_a_link_out_or_a_pipe(serve, disk, kit):
    outside = disk.root / "outside.yaml"
    outside.write_text("password: hunter2")
    path = disk.playgrounds / "linked" / "v1" / "benchmark.yaml"
    path.parent.mkdir(parents=True)
    path.symlink_to(outside)
    other = disk.playgrounds / "piped" / "v1" / "benchmark.yaml"
    other.parent.mkdir(parents=True)
    os.mkfifo(other)
    said = await refused(serve)
    assert "linked/v1/benchmark.yaml: is a link that leads out" in said and "hunter2" not in said
    assert "piped/v1/benchmark.yaml: is not a file" in said


ALIASES = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 6)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 8)}]}}\n" for n in range(1, 7))
TEXT = f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 300)}]\n"
CASES = {
    "aliases": (ALIASES, "with what its aliases stand for"),
    "merges": (MERGES, "with what its aliases stand for"),
    "a long text again and again": (TEXT, "with what its aliases stand for"),
    "itself": ("a: &a [*a]\n", "an alias of what it is in"),
    "many": (f"a: [{'1,' * limits.DEFINITION_NODES}1]\n", "more than 200000 keys and values"),
    "deep": (f"a: {'[' * limits.JSON_DEPTH}{']' * limits.JSON_DEPTH}\n", "nested deeper than 64"),
    "large": ("# " + "x" * limits.DEFINITION_BYTES, "the limit is 16777216"),
    "a number": (f"a: {'1' * 5_000}\n", "a value that cannot be read"),
    "no number": ("a: !!int x\n", "a value that cannot be read"),
    "no boolean": ("a: !!bool x\n", "a value that cannot be read"),
    "no time": ("a: !!timestamp 2026-99-99\n", "a value that cannot be read"),
}


@pytest.mark.parametrize("case", CASES)
async def test_yaml_that_grows(serve, disk, case):
    text, said = CASES[case]
    for at in (
        "playgrounds/clinic/v1/llm_tasks/x.yaml",
        "seeds/small/portal.yaml",
        "playgrounds/big/v1/benchmark.yaml",
    ):
        path = disk.root / at
        before = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        assert said in await refused(serve), at
        path.unlink() if before is None else path.write_bytes(before)
        if case == "many":
            break  # as it is read slowly


async def test_reading_has_its_time(serve, disk, monkeypatch):
    monkeypatch.setattr(limits, "DEFINITION_LOAD_S", -1)
    assert "takes longer than" in await refused(serve)


async def test_plain_aliases_and_merges_work(serve, disk, kit):
    path = disk.playgrounds / "plain" / "v1" / "benchmark.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "slug: plain\nversion: 1\nname: Plain\n"
        "environment:\n  name: C\n  simulators: [{type: Files, name: F}]\ntasks:\n"
        "  - &first {key: a, name: A, tags: &tags [x, y]}\n  - {<<: *first, key: b, tags: *tags}\n"
    )
    async with serve() as live:
        run = await live.run("plain@1")
        assert len(run.tasks) == 2


async def test_a_reload_refuses_and_goes_on(serve, disk, kit):
    async with serve(is_watching=True) as live:
        await asyncio.wait_for(live.app[WATCHING].wait(), 20)
        shelf, news = live.app[SHELF], asyncio.Event()
        shelf.subscribe(news.set)

        async def until(look):
            async with asyncio.timeout(30):
                while not look():
                    news.clear()
                    await news.wait()

        bad = disk.playgrounds / "bad" / "v1" / "benchmark.yaml"
        bad.parent.mkdir(parents=True)
        bad.write_text(ALIASES)
        await until(lambda: "aliases" in (shelf.last_error or ""))
        bad.write_text("a: !!int x\n")
        await until(lambda: "cannot be read" in (shelf.last_error or ""))
        bad.unlink()
        disk.benchmark(kit.benchmark("clinic", name="Changed"))
        await until(lambda: shelf.last_error is None and shelf.library.find("clinic@1").definition.name == "Changed")
        run = await live.started()
        assert (await run.call("GET", "files/inbox")).status == 200
