"""No path leads out of the tree, and every refusal names its reason."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import limits
from sandbox.errors import Invalid
from sandbox.simulators.files.paths import NAME_BYTES, check_path, find_problem

UNSAFE = {
    "../etc/passwd": "..",
    "inbox/../../etc/passwd": "..",
    "inbox/..": "..",
    "/etc/passwd": "absolute",
    "inbox/./a": '"."',
    "inbox//a": "empty name",
    "inbox\\a": "backslash",
    "..\\..\\windows": "backslash",
    "a\x00.txt": "NUL",
    "a\nb": "control",
    "a\x7fb": "control",
    "a\x85b": "control",
    "%2e%2e/etc": "percent-encoded more than once",
    "%252e%252e%252fetc": "percent-encoded more than once",
    "a%00b": "percent-encoded more than once",
    "a%5cb": "percent-encoded more than once",
    "%2fetc/passwd": "percent-encoded more than once",
    "a\ud800b": "UTF-8",
    "a%ed%a0%80b": "UTF-8",  # how a server hands on what it cannot decode
    "x" * (limits.FILE_PATH_CHARS + 1): "longer than",
    "é" * (NAME_BYTES // 2 + 1): "longer than",
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize(("path", "reason"), UNSAFE.items(), ids=range(len(UNSAFE)))
def test_unsafe_paths_are_refused_on_every_method(world, read, method, path, reason):
    before = world.branch.state_hash()
    raw = quote(path, errors="surrogatepass").replace("%0A", "\n")  # decoded before a route is sought
    response = world.call(method, f"files/{raw}", query=(("move_to", "x"),) if method == "POST" else ())
    assert response.status == 400
    if method != "HEAD":
        error = read(response)["error"]
        assert reason in error["message"]
        assert "path" in error["details"]
    assert world.branch.state_hash() == before


def test_lengths_at_and_one_past_the_limit():
    longest = "/".join(["d" * 99] * 10) + "/" + "f" * 24
    assert len(longest) == limits.FILE_PATH_CHARS
    assert find_problem(longest) is None
    assert find_problem(longest + "f") is not None
    assert find_problem("é" * (NAME_BYTES // 2) + "x") is None
    assert find_problem("é" * (NAME_BYTES // 2) + "xx") is not None


@pytest.mark.parametrize(
    "path", ["a", "...", "..a", "a..b/c", ".hidden", "100%.txt", "a%2Fb", "ünï/日本.pdf", "a b", "~", "c:"]
)
def test_odd_but_safe_paths_round_trip(world, path):
    target = f"files/{quote(path)}"
    assert world.call("PUT", target, b"x").status == 201
    assert world.call("GET", target).body == b"x"


@given(st.text(alphabet=st.sampled_from("./\\%2eEfF5c0aé\x00\n "), max_size=30) | st.text(max_size=30))
def test_an_accepted_path_stays_below_the_root(text):
    try:
        path = check_path(text)
    except Invalid as error:
        assert error.details and "path" in error.details
        return
    assert path == text
    assert not path.startswith("/") and "\x00" not in path and "\\" not in path
    assert not {"", ".", ".."} & set(path.split("/"))
    path.encode()
