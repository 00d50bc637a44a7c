"""The file drop over HTTP: listing, download, and in extended mode upload, delete and move.

Every route is below `files/`. Must hold no rule of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

from sandbox import limits
from sandbox.errors import Conflict, Invalid, NotFound, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route
from sandbox.simulators.files import conditions, state
from sandbox.simulators.files.conditions import Validators
from sandbox.simulators.files.paths import check_path
from sandbox.simulators.files.ranges import multipart, parse_range
from sandbox.simulators.files.state import FileEntry
from sandbox.wire.media_types import normal_media_type
from sandbox.wire.served_content import content_headers

# What clients send when nobody chose a type: the name of the file tells more.
_UNCHOSEN_TYPES = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})
_FORM = "multipart/form-data"
_HOW_TO_WRITE = "PUT the file itself as the body, as `curl -T FILE` and `curl --data-binary @FILE -X PUT` do"


def list_inbox(tx: Interaction, request: Request) -> Response:
    """`GET files/inbox`: every file below inbox/, by path."""
    _query(request)
    return Response.of_json([_about(request, entry) for entry in state.list_files(tx, "inbox")])


def list_root(tx: Interaction, request: Request) -> Response:
    """`GET files/`: the root of the tree."""
    return list_directory(tx, request, "")


def read(tx: Interaction, request: Request) -> Response:
    """`GET files/{path}`: a file's bytes, or a directory's listing."""
    path, is_folder_form = _path(request)
    entry = None if is_folder_form else state.find_file(tx, path)
    if entry is not None:
        _query(request)
        return download(request, entry, lambda: state.read_content(tx.branch, entry.sha256))
    if state.is_directory(tx, path):
        if path == "inbox":
            return replace(list_inbox(tx, request), event_type="file_list")
        return list_directory(tx, request, path)
    if is_folder_form and state.find_file(tx, path) is not None:
        raise NotFound(f"{path} is a file, not a directory; leave out the final slash.")
    raise NotFound(f"There is no file {path}; GET files/inbox lists what came in.")


def write(tx: Interaction, request: Request) -> Response:
    """`PUT files/{path}`: 201 for a new file, 200 for a replaced one; with a final slash a directory is made."""
    _query(request)
    path, is_folder_form = _path(request)
    if is_folder_form:
        return make_directory(tx, request)
    if "content-range" in request.headers:
        raise Invalid("PUT writes a whole file; leave out Content-Range.")
    conditions.check(request.headers, _validators_at(tx, path), is_read=False)
    is_new = state.write_file(tx, path, request.body, _chosen_type(request))
    return _written(tx, request, path, 201 if is_new else 200)


def make_directory(tx: Interaction, request: Request) -> Response:
    """`PUT files/{path}/`: make a directory, 201."""
    path, _ = _path(request)
    if request.body:
        raise Conflict(f"{path}/ names a directory, which has no content of its own; leave out the final slash.")
    state.make_directory(tx, path)
    made = Response.of_json(_about_directory(request, path), 201)
    return replace(made, event_type="file_mkdir")


def _chosen_type(request: Request) -> str | None:
    """Return the type that the caller chose for a file, None when the name is to tell it.

    Raises `UnsupportedMedia` for a form, `Invalid` for what is no media type.
    """
    _refuse_form(request)
    if request.media_type in _UNCHOSEN_TYPES:
        return None
    chosen = normal_media_type(request.headers.get("content-type", ""))
    if chosen is None:
        problem = "Not a media type, such as text/plain; charset=utf-8."
        raise Invalid(f"Content-Type: {problem}", details={"Content-Type": [problem]})
    return chosen


def _refuse_form(request: Request) -> None:
    if request.media_type == _FORM:
        raise UnsupportedMedia(f"A form ({_FORM}) is no file: {_HOW_TO_WRITE}, not `curl -F`.")


def delete(tx: Interaction, request: Request) -> Response:
    """`DELETE files/{path}`: a file, or with a final slash an empty directory."""
    _query(request)
    path, is_folder_form = _path(request)
    if is_folder_form and not state.is_directory(tx, path):
        raise NotFound(f"There is no directory {path}.")
    conditions.check(request.headers, _validators_at(tx, path), is_read=False)
    if is_folder_form:
        state.remove_directory(tx, path)
    else:
        state.delete_file(tx, path)
    return Response(204, b"", None)


def move(tx: Interaction, request: Request) -> Response:
    """`POST files/{path}?move_to=`: move a file or a directory."""
    _refuse_form(request)
    given = _query(request, "move_to", "replace")
    path, is_folder_form = _path(request)
    if "move_to" not in given:
        raise Invalid(
            f"POST on a file moves it: give ?move_to=path. To write a file, {_HOW_TO_WRITE}.",
            details={"move_to": ["Required parameter."]},
        )
    is_replacing = _is_true("replace", given)
    if request.body.strip():
        raise Invalid("A move takes no body.")
    if is_folder_form and not state.is_directory(tx, path):
        raise NotFound(f"There is no directory {path}.")
    target = given["move_to"].removesuffix("/") if state.is_directory(tx, path) else given["move_to"]
    conditions.check(request.headers, _validators_at(tx, path), is_read=False)
    state.move(tx, path, target, is_replacing=is_replacing)
    if state.find_file(tx, target) is None:
        return Response.of_json([_about(request, entry) for entry in state.list_files(tx, target)])
    return _written(tx, request, target, 200)


def _path(request: Request) -> tuple[str, bool]:
    """Return the path asked for, and whether it ends with a slash and so means a directory."""
    text = request.params.get("path", "")
    is_folder_form = len(text) > 1 and text.endswith("/")
    return check_path(text[:-1] if is_folder_form else text), is_folder_form


def _query(request: Request, *allowed: str) -> dict[str, str]:
    """Return the query by name; raises `Invalid` for an unknown or repeated parameter."""
    found: dict[str, str] = {}
    for name, value in request.query:
        problem = "Unknown parameter." if name not in allowed else "Given more than once." if name in found else None
        if problem is not None:
            known = f"This route knows: {', '.join(allowed)}." if allowed else "This route takes none."
            raise Invalid(f"{name[:100]}: {problem} {known}", details={name[:100]: [f"{problem} {known}"]})
        found[name] = value
    return found


def _is_true(name: str, given: Mapping[str, str]) -> bool:
    value = given.get(name, "false")
    if value not in ("true", "false"):
        raise Invalid(f"{name} must be true or false.", details={name: ["Must be true or false."]})
    return value == "true"


def list_directory(tx: Interaction, request: Request, path: str) -> Response:
    """Answer what lies directly in a directory, or with `recursive=true` every file below it."""
    given = _query(request, *(() if request.is_strict else ("recursive",)))
    if _is_true("recursive", given):
        listing: Json = [_about(request, entry) for entry in state.list_files(tx, path)]
    else:
        folders, files = state.list_directory(tx, path)
        listing = [_about_directory(request, folder) for folder in folders]
        listing += [{**_about(request, entry), "type": "file"} for entry in files]
        listing.sort(key=lambda item: item["path"])
    return replace(Response.of_json(listing), event_type="file_list")


def _about(request: Request, entry: FileEntry) -> Json:
    return {
        "path": entry.path,
        "name": entry.name,
        "size": entry.size,
        "content_type": entry.content_type,
        "modified_at": state.modified_at(entry),
        "sha256": entry.sha256,
        "url": _url(request, entry.path),
    }


def _about_directory(request: Request, path: str) -> Json:
    return {"path": path, "name": path.rpartition("/")[2], "type": "directory", "url": _url(request, path) + "/"}


def _url(request: Request, path: str) -> str:
    """Return where a path is served, relative to the server's root."""
    return f"{urlsplit(request.base_url).path}/files/{quote(path, safe='/')}"


def _validators(entry: FileEntry) -> Validators:
    return Validators(f'"{entry.sha256}"', entry.modified)


def _validators_at(tx: Interaction, path: str) -> Validators | None:
    entry = state.find_file(tx, path)
    return None if entry is None else _validators(entry)


def download(request: Request, entry: FileEntry, read_content: Callable[[], bytes]) -> Response:
    """Answer a file, or the parts of it that are asked for."""
    validators = _validators(entry)
    headers = {
        "ETag": validators.etag,
        "Last-Modified": validators.last_modified,
        "Accept-Ranges": "bytes",
        **content_headers(entry.content_type),
    }
    if conditions.check(request.headers, validators, is_read=True) == "not modified":
        return Response(304, b"", None, headers)
    if request.method == "HEAD":  # Range is defined for GET only, and the content need not be recorded
        return Response(200, b"", entry.content_type, {**headers, "Content-Length": str(entry.size)})
    content = read_content()
    wanted = request.headers.get("range")
    ranges = None
    if wanted is not None and conditions.is_range_wanted(request.headers, validators):
        ranges = parse_range(wanted, len(content))
    if ranges is None:
        return Response(200, content, entry.content_type, headers)
    if len(ranges) > 1:
        body, content_type = multipart(content, ranges, entry.content_type)
        return Response(206, body, content_type, headers)
    only = ranges[0]
    headers["Content-Range"] = only.content_range(len(content))
    return Response(206, content[only.first : only.last + 1], entry.content_type, headers)


def _written(tx: Interaction, request: Request, path: str, status: int) -> Response:
    entry = state.find_file(tx, path)
    assert entry is not None
    headers = {"ETag": f'"{entry.sha256}"', "Location": _url(request, path)}
    return replace(Response.of_json(_about(request, entry), status), headers=headers)


def routes() -> Sequence[Route]:
    """Return every route of the file drop; the first that fits serves."""
    any_path = r"files/{path:[\s\S]+}"  # a line feed must come this far, to be refused by name
    return (
        Route("GET", "files/inbox", list_inbox, "file_list", "List the files that came in"),
        Route("GET", "files", list_root, "file_list", "List the root", is_upstream=False),
        Route("GET", "files/", list_root, "file_list", "List the root", is_upstream=False),
        Route("GET", any_path, read, "file_read", "Download a file, or list a directory"),
        Route(
            "PUT",
            any_path,
            write,
            "file_write",
            "Write a file",
            is_upstream=False,
            body_limit=limits.FILE_BYTES,
            takes_content=True,
        ),
        Route("DELETE", any_path, delete, "file_delete", "Delete a file", is_upstream=False),
        Route("POST", any_path, move, "file_move", "Move a file or a directory", is_upstream=False),
    )
