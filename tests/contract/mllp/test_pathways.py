"""A pathway in a scenario: a chart of the dataset, over the playground's clock, pushed as it goes."""

import pytest
import yaml

from sandbox.definitions.library import load_library
from sandbox.definitions.problems import DefinitionError

PATHWAY = yaml.safe_load("""
- {admit: {patient: Patient/ana, location: 4W^401^A, attending: 1^Marsh^Helen}}
- {order: {test: 2823-3^Potassium^LN, number: O1}}
- {after_seconds: 7200}
- {result: {filler: F1, values: [{code: 2823-3^Potassium^LN, value: 6.8, unit: mmol/L}]}}
- {after_seconds: 600}
- {result: {values: [{code: 2823-3^Potassium^LN, value: 4.1, unit: mmol/L}]}, corrected: true}
- {discharge: {}}
""")


@pytest.fixture
def patient(disk):
    disk.dataset(
        "small",
        {
            "fhir/Patient.ndjson": b'{"resourceType":"Patient","id":"ana","identifier":[{"value":"P-7"}],'
            b'"name":[{"family":"Reyes","given":["Ana"]}],"gender":"female","birthDate":"1970-01-01"}\n'
        },
    )


async def test_a_feed_trickles(serve, disk, kit, patient):
    disk.benchmark(kit.benchmark("clinic", kit.task("t", kit.says(1), scenario={"pathway": PATHWAY})))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()

        async def kinds():
            return [row["message_type"] for row in (await run.call("GET", "hl7/inbox")).json[1:]]

        assert await kinds() == ["ADT^A01", "ORM^O01"]
        clock.advance(7199)
        assert len(await kinds()) == 2
        clock.advance(1)
        assert await kinds() == ["ADT^A01", "ORM^O01", "ORU^R01"]
        clock.advance(600)
        assert await kinds() == ["ADT^A01", "ORM^O01", "ORU^R01", "ORU^R01", "ADT^A03"]
        rows = (await run.call("GET", "hl7/inbox")).json[1:]
        assert all("PID|1||P-7^^^HOSP^MR||Reyes^Ana||19700101|F" in row["payload"] for row in rows)
        assert "|20260423111000+0000||ORU" in rows[3]["payload"]
        assert "|F1|" in rows[3]["payload"]


@pytest.mark.parametrize(
    ("pathway", "said"),
    [
        ([{"admitt": {"patient": "Patient/ana"}}], 'no action "hl7_admitt"; did you mean'),
        ([{"admit": {}}], "patient"),
        ([{"admit": {"patient": "Patient/ana", "ward": "4W"}}], "ward"),
        ([{"after_seconds": "soon"}], "after_seconds"),
        ({"admit": {}}, "list of steps"),
    ],
)
def test_a_mistake_stops_the_load(disk, kit, registry, pathway, said):
    disk.benchmark(kit.benchmark("clinic", kit.task("t", kit.says(1), scenario={"pathway": pathway})))
    with pytest.raises(DefinitionError) as caught:
        load_library([disk.playgrounds], [disk.seeds], registry)
    assert any(said in str(problem) for problem in caught.value.problems), caught.value.problems
