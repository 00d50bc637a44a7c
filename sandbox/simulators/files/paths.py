"""What a path in the file tree may look like: relative, plain, below the root, of bounded length.

Pure. A path is refused, never repaired, so that a caller learns what was wrong with it.
"""

import unicodedata
from typing import Final
from urllib.parse import unquote

from sandbox import limits
from sandbox.errors import Invalid

NAME_BYTES: Final = 255


def check_path(text: str, field: str = "path") -> str:
    """Return the path if it is a safe relative file path; raises `Invalid` naming the problem.

    `text` was percent-decoded once. A path that becomes unsafe when it is decoded again is refused
    too: nobody names a file that way in good faith.

    >>> check_path("inbox/referrals/a.pdf")
    'inbox/referrals/a.pdf'
    >>> check_path("inbox/../../etc/passwd")
    Traceback (most recent call last):
    sandbox.errors.Invalid: The path steps up with "..", which is not allowed.
    """
    problem = find_problem(text)
    if problem is not None:
        raise Invalid(f"The {field} {problem}.", details={field: [f"{problem[0].upper()}{problem[1:]}."]})
    return text


def find_problem(text: str) -> str | None:
    """Say what is wrong with a path, or return None.

    >>> find_problem("/etc/passwd"), find_problem("a//b"), find_problem("a%252e%252e/b") is None
    ('is absolute; leave out the leading slash', 'has an empty name between two slashes', True)
    """
    if not text:
        return "is empty"
    if len(text) > limits.FILE_PATH_CHARS:
        return f"is longer than {limits.FILE_PATH_CHARS} characters"
    return _unsafe(text) or _long_name(text) or _unsafe_once_decoded(text)


def _unsafe(text: str) -> str | None:
    if "\x00" in text:
        return "holds a NUL character"
    if any(unicodedata.category(char) == "Cc" for char in text):
        return "holds a control character"
    if any(unicodedata.category(char) == "Cs" for char in text) or "\ufffd" in text:
        return "is not valid UTF-8"
    if "\\" in text:
        return "holds a backslash; separate names with /"
    if text.startswith("/"):
        return "is absolute; leave out the leading slash"
    names = text.split("/")
    if ".." in names:
        return 'steps up with "..", which is not allowed'
    if "." in names:
        return 'holds the name ".", which is not allowed'
    if "" in names:
        return "ends with a slash" if text.endswith("/") else "has an empty name between two slashes"
    return None


def _long_name(text: str) -> str | None:
    if any(len(name.encode()) > NAME_BYTES for name in text.split("/")):
        return f"has a name longer than {NAME_BYTES} bytes"
    return None


def _unsafe_once_decoded(text: str) -> str | None:
    """Decode to the end; an empty or `.` name that appears is odd but harmless, the rest is not."""
    decoded = text
    while "%" in decoded:
        again = unquote(decoded)
        if again == decoded:
            break
        decoded = again
        if "\x00" in decoded or "\\" in decoded or decoded.startswith("/") or ".." in decoded.split("/"):
            return "is percent-encoded more than once and unsafe when decoded"
        if "\ufffd" in decoded:
            return "is not valid UTF-8"
    return None


def check_glob(glob: str) -> str:
    """Return a glob of paths in the tree; raises `ValueError` for one that no path can match."""
    if glob.startswith("/") or ".." in glob.split("/"):
        raise ValueError("a glob is relative to the root of the tree, without a leading slash or ..")
    return glob


def ancestors(path: str) -> list[str]:
    """Return the directories above a path, the outermost first.

    >>> ancestors("a/b/c.txt")
    ['a', 'a/b']
    """
    names = path.split("/")[:-1]
    return ["/".join(names[: count + 1]) for count in range(len(names))]


def in_inbox(path: str) -> str:
    """Return where `drop_file_inbox` puts a path.

    >>> in_inbox("a.pdf"), in_inbox("inbox/a.pdf")
    ('inbox/a.pdf', 'inbox/a.pdf')
    """
    return path if path.startswith("inbox/") else f"inbox/{path}"
