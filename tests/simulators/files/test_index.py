"""The index of the tree agrees with the tree, whatever was done to it and undone."""

import random

from sandbox.simulators.files import state
from sandbox.simulators.files.index import Index, index_of


def facts(index):
    return index.total, index.below, index.uses


def test_it_agrees_with_one_that_is_made_anew(make_world):
    world = make_world({f"inbox/{n}/{n % 3}.txt": b"x" * (n % 4) for n in range(20)})
    chance = random.Random(7)
    for _ in range(400):
        paths = [
            f"{chance.choice('abc')}/{chance.choice('de')}/{chance.randrange(4)}.txt",
            f"inbox/{chance.randrange(9)}",
        ]
        one, other = (f"files/{path}" for path in chance.choices(paths, k=2))
        kind = chance.randrange(4)
        if kind == 0:
            world.call("PUT", one, bytes(chance.randrange(3)))
        elif kind == 1:
            world.call("DELETE", one)
        elif kind == 2:
            world.call("POST", f"{one}?move_to={other.removeprefix('files/')}x&replace=true")
        else:
            before = world.branch.savepoint()
            tx = world.playground.look(world.playground.sandboxes[0])
            for path in state.list_files(tx)[:2]:
                state.delete_file(tx, path.path)
            index_of(world.branch)
            world.branch.rollback(before)
        assert facts(index_of(world.branch)) == facts(Index(world.branch))
    assert facts(index_of(world.branch)) == facts(index_of(world.branch.fork()))
