"""Downloads happen once, again when the list changes, and never half."""

import pytest

from tests.e2e import downloads


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setattr(downloads, "CACHE", tmp_path)
    return tmp_path


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    package = tmp_path / "clients" / "package.json"
    package.parent.mkdir()
    package.write_text("{}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(downloads.MissingTool, match=r"node is not on the PATH.*install Node\.js"):
        downloads.npm_folder(package)


def test_once_and_again_when_the_list_changes(cache):
    calls = []

    def get(key):
        def install(folder):
            assert list(folder.iterdir()) == []
            calls.append(key)
            (folder / key).touch()

        return downloads._installed(cache / "x", key, install)

    assert [sorted(p.name for p in get(key).iterdir()) for key in ("a", "a", "b")] == [
        [".installed", "a"],
        [".installed", "a"],
        [".installed", "b"],
    ]
    assert calls == ["a", "b"]


def test_a_failure_is_tried_again(cache):
    def fail(folder):
        (folder / "half").touch()
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError):
        downloads._installed(cache / "x", "a", fail)
    done = downloads._installed(cache / "x", "a", lambda folder: None)
    assert [p.name for p in done.iterdir()] == [".installed"]


def test_what_a_command_said_is_in_the_error(tmp_path):
    with pytest.raises(RuntimeError, match="cannot do this"):
        downloads._run(["sh", "-c", "echo cannot do this >&2; exit 3"], tmp_path)
