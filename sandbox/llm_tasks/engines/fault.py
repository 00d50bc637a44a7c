"""The `fault` engine: fails on purpose, by rule, and otherwise lets another model answer.

`llm_config.faults` is a list of rules, the first that applies counts:

    {"kind": "error" | "timeout" | "rate_limit" | "malformed" | "slow",
     "when": {<input>: <value> | {"contains": …} | {"matches": …}}?,   which inputs
     "runs": [1, 3]?, "every": 2?, "probability": 0.1?,                  which runs of the task, counted from 1
     "attempts": 1?,                                                     only the first so many attempts of a run
     "seconds": 0.5?, "message": "…"?}

Without rules every attempt is an error. `llm_config.then` names the model that answers otherwise.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sandbox.ids import seeded_random
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.base import Answer, Call, Engine, EngineFailure
from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.inputs.placeholders import as_text
from sandbox.regexes import compile_regex, find_problem

SECONDS_MAX: Final = 600
MESSAGES: Final = {
    "error": ("model_error", "The model failed (a fault on purpose)."),
    "timeout": ("timeout", "Primary model timeout (a fault on purpose)."),
    "rate_limit": ("rate_limited", "The model's rate limit was reached (a fault on purpose)."),
}
_MALFORMED: Final = '{"truncated": "this is not what was asked for", '


class FaultRule(BaseModel):
    """When to fail, and how."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["error", "timeout", "rate_limit", "malformed", "slow"]
    when: dict[str, Any] = {}
    runs: list[int] | None = None
    every: int | None = Field(default=None, ge=1)
    probability: float | None = Field(default=None, ge=0, le=1)
    attempts: int | None = Field(default=None, ge=1)
    seconds: float = Field(default=0, ge=0, le=SECONDS_MAX)
    message: str | None = None

    @field_validator("when")
    @classmethod
    def _patterns_read(cls, when: dict[str, Any]) -> dict[str, Any]:
        for name, wanted in when.items():
            if isinstance(wanted, dict) and wanted.keys() - {"contains", "matches"}:
                raise ValueError(f"{name}: write a value, contains or matches")
            if isinstance(wanted, dict) and "matches" in wanted:
                problem = find_problem(wanted["matches"])
                if problem is not None:
                    raise ValueError(f"{name}: matches is not a regular expression: {problem}")
        return when

    def applies(self, call: Call, position: int) -> bool:
        """Whether the rule is meant for this attempt."""
        if self.attempts is not None and call.attempt > self.attempts:
            return False
        if self.runs is not None and call.ordinal not in self.runs:
            return False
        if self.every is not None and call.ordinal % self.every:
            return False
        if not all(_is_met(call.values.get(name), wanted) for name, wanted in self.when.items()):
            return False
        if self.probability is None:
            return True
        chance = seeded_random("fault", call.seed, call.task_id, call.ordinal, call.attempt, position)
        return chance.random() < self.probability


def _is_met(value: Json, wanted: Json) -> bool:
    if not isinstance(wanted, dict):
        return bool(value == wanted)
    text = "" if value is None else as_text(value)
    if "contains" in wanted and str(wanted["contains"]) not in text:
        return False
    return "matches" not in wanted or compile_regex(wanted["matches"]).search(text)


def _first(rules: Sequence[FaultRule], call: Call) -> FaultRule | None:
    return next((rule for i, rule in enumerate(rules) if rule.applies(call, i)), None)


class FaultEngine:
    """Breaks by rule; see the module."""

    name = "fault"
    is_live = False

    def __init__(self) -> None:
        self.catalog = Catalog(())

    def config_problems(self, config: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the rules."""
        rules = config.get("faults", [])
        if not isinstance(rules, list):
            return ["faults: must be a list of rules"]
        problems = []
        for position, rule in enumerate(rules):
            try:
                FaultRule.model_validate(rule)
            except ValidationError as error:
                problems += [
                    f"faults.{position}.{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}"
                    for e in error.errors()
                ]
        then = config.get("then")
        if then is not None and (not isinstance(then, str) or self._delegate(then) is None):
            problems.append(f"then: there is no other model {then!r}")
        return problems

    async def answer(self, call: Call) -> Answer:
        """Fail as the first rule that applies says, else ask the model named by `then`."""
        rules = [FaultRule.model_validate(rule) for rule in call.config.get("faults", [{"kind": "error"}])]
        rule = await asyncio.to_thread(_first, rules, call)
        if rule is not None:
            if rule.seconds:
                await asyncio.sleep(rule.seconds)
            if rule.kind == "malformed":
                return Answer(_MALFORMED, notes={"fault": "malformed"})
            if rule.kind != "slow":
                kind, message = MESSAGES[rule.kind]
                raise EngineFailure(kind, rule.message or message)
        delegate = self._delegate(call.config.get("then") or "sandbox-extract")
        if delegate is None:
            raise EngineFailure("model_error", "The model that `then` names is not there.", retry=False)
        return await delegate.answer(call)

    def _delegate(self, name: str) -> Engine | None:
        model = self.catalog.find(name)
        return model.engine if model is not None and model.engine is not self else None
