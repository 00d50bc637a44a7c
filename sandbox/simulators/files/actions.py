"""The scenario steps `drop_file_inbox` and `pick_up_file`: what partners do at the drop without the agent."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.globs import compile_glob
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Notice
from sandbox.simulators.files.paths import check_glob, find_problem, in_inbox
from sandbox.simulators.files.state import delete_file, keep_directory, list_files, move, write_file
from sandbox.wire.base64_text import is_base64, read_base64


class DropFileInbox(StrictModel):
    """Arguments of `drop_file_inbox`: where, and the content as text or base64."""

    path: str = Field(min_length=1)
    content: str | None = None
    content_base64: str | None = None

    @field_validator("path")
    @classmethod
    def _safe(cls, path: str) -> str:
        problem = find_problem(in_inbox(path)) if not path.startswith("/") else find_problem(path)
        if problem is not None:
            raise ValueError(f"the path {problem}")
        return path

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if (self.content is None) == (self.content_base64 is None):
            raise ValueError("give content, content_base64 or source, one of them")
        if not is_base64(self.content_base64 or ""):
            raise ValueError("content_base64 is not base64")
        return self

    @property
    def data(self) -> bytes:
        """The content's bytes."""
        if self.content is not None:
            return self.content.encode()
        return read_base64(self.content_base64 or "") or b""


class PickUpFile(StrictModel):
    """Arguments of `pick_up_file`: which files a partner takes, and where to, if they stay in the tree."""

    path: str = Field(min_length=1)
    move_to: str | None = None

    @field_validator("path")
    @classmethod
    def _relative(cls, path: str) -> str:
        return check_glob(path)

    @field_validator("move_to")
    @classmethod
    def _safe(cls, move_to: str | None) -> str | None:
        problem = None if move_to is None else find_problem(move_to.removesuffix("/"))
        if problem is not None:
            raise ValueError(f"the path {problem}")
        return move_to


def pick_up_file(tx: Interaction, arguments: PickUpFile) -> None:
    """Let a partner take every file that matches: away, or into a directory, in place of one of that name."""
    matches = compile_glob(arguments.path).full_match
    for entry in [entry for entry in list_files(tx) if matches(entry.path)]:
        directory = entry.path.rpartition("/")[0]
        if arguments.move_to is None:
            delete_file(tx, entry.path)
        else:
            target = f"{arguments.move_to.removesuffix('/')}/{entry.name}"
            if target != entry.path:
                move(tx, entry.path, target, is_replacing=True)
        keep_directory(tx, directory)


def drop_file_inbox(tx: Interaction, arguments: DropFileInbox) -> None:
    """Put a file into the inbox, in place of one of that name."""
    write_file(tx, in_inbox(arguments.path), arguments.data)


def take_notice(tx: Interaction, notice: Notice) -> None:
    """Keep a notice as a text file in `inbox/notices`, named by its time and subject."""
    words = "".join(char if char.isalnum() else " " for char in notice.subject.casefold()).split()
    stamp = tx.now.strftime("%Y%m%dT%H%M%SZ")
    name, number = f"{stamp}-{'-'.join(words)[:60] or 'notice'}", 1
    while any(entry.path == _notice_path(name, number) for entry in list_files(tx)):
        number += 1
    write_file(tx, _notice_path(name, number), f"{notice.subject}\n\n{notice.text}\n".encode())


def _notice_path(name: str, number: int) -> str:
    return in_inbox(f"notices/{name}{'' if number == 1 else f'-{number}'}.txt")
