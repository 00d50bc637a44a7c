"""The `replay` engine: recorded or written answers, found by task, revision and input.

A cassette is a YAML file made to be read and written by hand:

    task: Extract a referral            # name or id of the task
    answers:
      - input: {document: "…"}          # every value must be equal; a mapping may say contains or matches
        files: [<sha256>, …]            # optional: the files of the run, in order
        revision: <id>                  # optional: only for this revision, by its id or fingerprint
        response: {patient_name: "…"}   # or `error: {type, message}`

A definition on disk may carry `answers` of its own, which come first. Record mode adds what a live
model said, so that the same run can be repeated without it: in the place of an earlier recording of the
same input, and with the revision's fingerprint, so that another server and another model find it.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox import jsonio
from sandbox.definitions.problems import DefinitionError
from sandbox.definitions.yamlio import load_located
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.base import Answer, Call, EngineFailure
from sandbox.llm_tasks.inputs.placeholders import as_text
from sandbox.regexes import compile_regex, find_problem

_KEYS: Final = frozenset({"input", "files", "revision", "response", "error", "input_tokens", "output_tokens"})
_MATCHERS: Final = frozenset({"contains", "matches"})


class Cassettes:
    """The cassettes of one directory, read again when a file changed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._read: dict[Path, tuple[int, Mapping[str, Any]]] = {}
        self._writing = asyncio.Lock()

    def answers(self, call: Call) -> list[Mapping[str, Any]]:
        """Return the answers recorded for a task, in file order. Raises `EngineFailure` for a broken file."""
        found: list[Mapping[str, Any]] = []
        for path in sorted(self.directory.glob("*.yaml")) if self.directory.is_dir() else ():
            cassette = self._load(path)
            if cassette["task"] in (call.task_id, call.task_name):
                found += cassette["answers"]
        return found

    def _load(self, path: Path) -> Mapping[str, Any]:
        stamp = path.stat().st_mtime_ns
        known = self._read.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            value = load_located(path.read_bytes(), path.name).value
        except DefinitionError as error:
            raise EngineFailure("bad_cassette", str(error), retry=False) from None
        problems = cassette_problems(value)
        if problems:
            raise EngineFailure("bad_cassette", f"{path.name}: {'; '.join(problems)}", retry=False)
        self._read[path] = (stamp, value)
        return value  # type: ignore[no-any-return]

    async def record(self, call: Call, answer: Answer) -> None:
        """Append an answer to the task's cassette; the file is replaced in one step."""
        async with self._writing:
            await asyncio.to_thread(self._append, call, answer)

    def _append(self, call: Call, answer: Answer) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self._path_of(call)
        cassette: dict[str, Any] = {"task": call.task_name, "answers": []}
        if path.exists():
            cassette = {**self._load(path), "answers": list(self._load(path)["answers"])}
        found: dict[str, Json] = {"input": dict(call.values), "revision": call.fingerprint}
        if call.files:
            found["files"] = hashes(call)
        entry = {**found, "response": answer.value}
        entry |= {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
        answers = [
            a for a in cassette["answers"] if {k: a.get(k) for k in ("input", "revision", "files") if k in a} != found
        ]
        cassette["answers"] = [*answers, jsonio.parse(jsonio.dump(entry))]
        text = yaml.dump(_plain(cassette), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)

    def _path_of(self, call: Call) -> Path:
        """Return the task's file; "a b" and "a-b" would have one name."""
        path = self.directory / f"{file_name(call.task_name)}.yaml"
        if path.exists() and self._load(path)["task"] not in (call.task_id, call.task_name):
            return self.directory / f"{file_name(call.task_name)}-{call.task_id[-8:]}.yaml"
        return path


class _Dumper(yaml.SafeDumper):
    """YAML in which text of several lines is a block."""


def _show_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not re.search(r"[ \t]\n", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _show_text)


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, float) else value


def file_name(task_name: str) -> str:
    """Return the file name of a task's cassette.

    >>> file_name("Extract a Referral")
    'extract-a-referral'
    """
    return re.sub(r"[^a-z0-9]+", "-", task_name.lower()).strip("-") or "task"


def cassette_problems(value: Json) -> list[str]:
    """Return what is wrong with a cassette; empty when it can be used."""
    if not isinstance(value, dict) or not isinstance(value.get("task"), str):
        return ["must have `task`, the name or id of a task"]
    return answer_problems(value.get("answers"))


def answer_problems(answers: Json) -> list[str]:
    """Return what is wrong with a list of answers."""
    if not isinstance(answers, list):
        return ["`answers` must be a list"]
    problems = []
    for i, answer in enumerate(answers):
        if not isinstance(answer, dict):
            problems.append(f"answers.{i}: must be a mapping")
            continue
        if unknown := sorted(map(str, answer.keys() - _KEYS)):
            problems.append(f"answers.{i}: unknown key {unknown[0]}")
        if ("response" in answer) == ("error" in answer):
            problems.append(f"answers.{i}: give either response or error")
        if "error" in answer and not isinstance(answer["error"], dict):
            problems.append(f"answers.{i}.error: must be a mapping with type and message")
        if not isinstance(answer.get("input", {}), dict):
            problems.append(f"answers.{i}.input: must be a mapping of input names and values")
            continue
        problems += [f"answers.{i}.input.{p}" for p in _matcher_problems(answer.get("input", {}))]
    return problems


def _matcher_problems(wanted: Mapping[str, Any]) -> Iterable[str]:
    for name, value in wanted.items():
        if isinstance(value, dict) and "matches" in value and value.keys() <= _MATCHERS:
            problem = find_problem(value["matches"])
            if problem is not None:
                yield f"{name}: matches is not a regular expression: {problem}"


def hashes(call: Call) -> list[str]:
    """Return the SHA-256 of a run's files, in order."""
    return [hashlib.sha256(file.content).hexdigest() for file in call.files]


def find_answer(answers: Sequence[Mapping[str, Any]], call: Call) -> Mapping[str, Any] | None:
    """Return the first answer that fits the call; one for its very revision comes before others."""
    files = hashes(call) if call.files else []
    fitting = [a for a in answers if _fits(a, call, files)]
    return next((a for a in fitting if a.get("revision") is not None), fitting[0] if fitting else None)


def _fits(answer: Mapping[str, Any], call: Call, files: list[str]) -> bool:
    if answer.get("revision") not in (None, call.revision_id, call.fingerprint):
        return False
    if "files" in answer and list(answer["files"]) != files:
        return False
    return all(name in call.values and _is_met(call.values[name], w) for name, w in answer.get("input", {}).items())


def _is_met(value: Json, wanted: Json) -> bool:
    if isinstance(wanted, dict) and wanted and wanted.keys() <= _MATCHERS:
        text = as_text(value)
        if "contains" in wanted and str(wanted["contains"]) not in text:
            return False
        return "matches" not in wanted or compile_regex(wanted["matches"]).search(text)
    return bool(value == wanted)


class ReplayEngine:
    """Answers from definitions and cassettes."""

    name = "replay"
    is_live = False

    def __init__(self, cassettes: Cassettes) -> None:
        self._cassettes = cassettes

    def config_problems(self, config: Mapping[str, Any]) -> list[str]:
        """Return nothing: replay takes any configuration."""
        return []

    async def answer(self, call: Call) -> Answer:
        """Return the recorded answer. Raises `EngineFailure` when there is none."""
        answers = [*call.answers, *self._cassettes.answers(call)]
        found = await asyncio.to_thread(find_answer, answers, call)
        if found is None:
            shown = jsonio.dump(dict(call.values)).decode()
            place = self._cassettes.directory / f"{file_name(call.task_name)}.yaml"
            message = f"No recorded answer fits this input of {call.task_name!r}; add one to {place.name}. Input: "
            raise EngineFailure("no_recorded_answer", message + shown[:500], retry=False)
        if "error" in found:
            error = found["error"]
            kind, message = str(error.get("type", "model_error")), str(error.get("message", "A recorded error."))
            raise EngineFailure(kind, message, retry=False)
        return Answer(found["response"], found.get("input_tokens"), found.get("output_tokens"))
