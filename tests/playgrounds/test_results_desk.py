"""The results desk judges what the house rules ask for and no more: a colleague of other habits scores 1.0, too."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.rehearsal.agents import FunctionAgent
from sandbox.rehearsal.runner import Options, rehearse_once
from tests.alone import serving_only
from tests.playgrounds.test_near_misses import Unwatched

SOLUTION = Path(__file__).parents[2] / "playgrounds" / "lab-result-routing" / "v2" / "solution.py"


@pytest.fixture
def solution(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("results_desk_solution", SOLUTION)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where its dataclasses look for it
    spec.loader.exec_module(module)
    return module


def desk_of_other_habits(solution: Any) -> Any:
    class Desk(solution.ResultsDesk):  # type: ignore[misc]
        """Writes units as text, adds what nobody forbids, replaces rather than changes, words things in its own way."""

        def observation(self, message: Any, line: Any, patient: str, order: str) -> Any:
            row = super().observation(message, line, patient, order)
            row["valueQuantity"] = {name: row["valueQuantity"][name] for name in ("value", "unit")}
            bounds = row["referenceRange"][0]
            row["referenceRange"] = [
                {**{side: {"value": bounds[side]["value"]} for side in ("low", "high")}, "text": line.interval}
            ]
            row["code"].pop("text")
            return {**row, "issued": "2026-04-23T13:00:00Z", "note": [{"text": "by interface"}]}

        def report(self, *arguments: Any) -> Any:
            return {**super().report(*arguments), "conclusion": "See the results."}

        async def replace(self, message: Any, row: Any, line: Any) -> None:
            await self.patch(f"Observation/{row['id']}", status="entered-in-error")
            new = self.observation(message, line, row["subject"]["reference"], row["basedOn"][0]["reference"])
            self.results = [row["id"], (await self.call("POST", "fhir/Observation", json=new))["id"]]

        async def finish_correction(self, filed: Any) -> None:
            results = [{"reference": f"Observation/{key}"} for key in self.results]
            whole = {**filed, "status": "corrected", "result": results}
            await self.call("PUT", f"fhir/DiagnosticReport/{filed['id']}", json=whole)

        async def tell(self, patient: Any, order: Any, text: str, **more: str) -> None:
            words = {
                "Potassium [Moles/volume] in Serum or Plasma": "K+",
                "Glucose [Mass/volume] in Serum or Plasma": "Sugar",
            }
            for name, word in words.items():
                text = text.replace(name, word)
            message = {
                "resourceType": "Communication",
                "status": "in-progress",
                **({"priority": "stat"} if more else {}),
                "subject": {"reference": f"Patient/{patient['id']}"},
                "basedOn": [{"reference": f"ServiceRequest/{order['id']}"}],
                "recipient": [
                    {"reference": f"PractitionerRole/{order['requester']['reference'].partition('/')[2]}-role"}
                ],
                "sent": "2026-04-23T13:10:00Z",
                "payload": [{"contentString": "Good morning,"}, {"contentString": text}],
            }
            await self.call("POST", "fhir/Communication", json=message)

        async def page(self, message: Any, lines: Any) -> None:
            (line,) = lines
            code, name = message.test
            segments = (
                f"MSH|^~\\&|RCEHR|REGMED|PAGER|ONCALL|20260423131500||ORU^R01^ORU_R01|P{message.accession}|P|2.5.1",
                f"PID|||{message.mrn}^^^REGMED^MR~77^^^OLD^PI||{message.family.title()}^{message.given.title()}"
                f"||{message.birth.replace('-', '')}",
                "PV1||O",
                f"OBR|1|{message.order}^RCEHR|{message.accession}^LRLAB|{code}^{name}^LN",
                f"OBX|1|NM|{line.code}^{line.name}^LN||{line.value}|{line.unit}^{line.unit}^UCUM|{line.interval}"
                f"|{line.flag}|||F|||20260422134500+0000",
                "NTE|1||Please call.",
            )
            headers = {"Content-Type": "text/plain"}
            answer = await self.task.request(
                "POST", "hl7/outbound", data="\r\n".join(segments).encode(), headers=headers
            )
            assert "MSA|AA" in answer.raise_for_status().text

        async def list_exceptions(self, exceptions: Any) -> None:
            rows = [f'"{m.control_id}","{m.mrn}","{m.family}, {m.given}","{reason}"' for m, reason in exceptions]
            text = "\r\n".join(["control_id,record_number,patient_name,reason", *rows])
            path = f"files/outbound/lab-exceptions/{self.today}.csv"
            headers = {"Content-Type": "text/csv"}
            (await self.task.request("PUT", path, data=text.encode(), headers=headers)).raise_for_status()

    return Desk


async def test_another_right_way_scores_in_full(solution: Any, tmp_path: Path) -> None:
    desk = desk_of_other_habits(solution)

    async def solve(session: Any) -> Any:
        return await solution.solve(session, desk)

    async with serving_only(tmp_path, "lab-result-routing@2") as client:
        agent = FunctionAgent("other-habits", solve)
        result = await rehearse_once(client, "lab-result-routing@2", agent, Options(), Unwatched())
    assert [(t.key, c.label) for t in result.task_runs for c in t.checks if not c.passed] == []
    assert result.score == 1.0
