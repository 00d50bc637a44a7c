"""`sandbox check`: every kind of mistake that loads, with its line, its key, and what was probably meant."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli import app

BENCHMARK = """\
slug: demo
version: 1
name: Demo
environment:
  name: Clinic
  clock: 2026-04-23T09:00:00Z
  simulators:
    - {type: Fhir, name: Charts, dataset: clinic}
    - {type: Files, name: Drop, dataset: clinic}
    - {type: Payer, name: Payer, dataset: clinic}
    - {type: Hl7, name: Engine}
tasks:
  - key: first
    name: First
    task_item: {instruction: Do it., answer: {date: YYYY-MM-DD, by: {name: who}}}
    entities: [{dataset: clinic, ref: Patient/ana-reyes}]
    scenario:
      steps:
        - {action: drop_file_inbox, path: a.txt, content: x, when: {event: fhir_request, match: {request.method: PUT}}}
    criteria:
      - label: One
        axis: correctness
        weight: 2
        assertion: {ASSERTION}
"""
GOOD = "assert: sftp-file-present, glob: done.txt"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "playgrounds/demo/v1").mkdir(parents=True)
    (tmp_path / "seeds/clinic/fhir").mkdir(parents=True)
    (tmp_path / "seeds/clinic/fhir/a.json").write_text('{"resourceType": "Patient", "id": "ana-reyes"}')
    (tmp_path / "seeds/clinic/files").mkdir()
    (tmp_path / "seeds/clinic/files/a.txt").write_text("a")
    return tmp_path


@pytest.fixture
def check(home):
    """Write the benchmark, run `sandbox check`, return its status and what it printed."""

    def run(assertion=GOOD, *edits, path="playgrounds", after=""):
        text = BENCHMARK.replace("{ASSERTION}", "{" + assertion + "}") + after
        for old, new in edits:
            assert old in text
            text = text.replace(old, new, 1)
        (home / "playgrounds/demo/v1/benchmark.yaml").write_text(text)
        result = CliRunner().invoke(app, ["check", str(home / path), "--seeds", str(home / "seeds")])
        return result.exit_code, result.output

    return run


def test_what_is_right_has_no_problems(check):
    assert check() == (0, "1 benchmark with 1 task, 1 dataset: no problems.\n")


GUARD = """\
      - label: Two
        weight: 1
        assertion: {assert: state-unchanged}
"""


def test_a_criterion_that_holds_before_anything_is_done_is_warned_of(check):
    status, printed = check("assert: state-unchanged")
    assert (status, printed.splitlines()) == (
        0,
        [
            "warning: playgrounds/demo/v1/benchmark.yaml:21: tasks.0.criteria.0: it holds before anything is done; "
            "let it require the criterion that it guards (requires: [label])",
            "1 benchmark with 1 task, 1 dataset: no problems, 1 warning.",
        ],
    )
    fields = "fields: [{path: id, expected: ana-reyes}, {path: gender, expected: male}]"
    half = f"assert: fhir-resource-state, resource_type: Patient, {fields}"
    assert "criteria.0: 0.50 of it holds before anything is done" in check(half)[1]
    fallen = ("action: drop_file_inbox, path: a.txt", "action: drop_file_inbox, path: done.txt")
    assert "warning" not in check(GOOD, fallen)[1]  # it waits for the agent
    at_once = (", when: {event: fhir_request, match: {request.method: PUT}}", "")
    assert "warning" in check("assert: sftp-file-present, glob: inbox/a.txt", at_once)[1]


@pytest.mark.parametrize("more", ["requires: [One]", "weight: 0", "required: true"])
def test_a_guard_that_pays_an_idle_agent_nothing_is_not_warned_of(check, more):
    guard = GUARD.replace("        weight: 1\n", f"        {more}\n")
    status, printed = check(GOOD, ("{" + GOOD + "}\n", "{" + GOOD + "}\n" + guard))
    held = [line for line in printed.splitlines() if "before anything" in line]
    assert (status, len(held)) == (0, int(more == "required: true"))


CHEAP = "assert: agent-output, fields: [{path: date, expected: 1}, {path: by, expected: 2}], contains: [x]"


@pytest.mark.parametrize(
    ("weight", "more", "said"),
    [
        (2, "", None),
        (1, "", "one of its 3 items may fail and the task still passes, with 0.91"),
        (1, "scoring: all", None),
        (1, "required: true", None),
        (1, "required: false", None),
        (0, "", None),
    ],
)
def test_an_item_that_may_fail_is_warned_of(check, weight, more, said):
    cheap = f"      - label: Two\n        weight: {weight}\n        {more}\n        assertion: {{{CHEAP}}}\n"
    _, printed = check(GOOD, ("{" + GOOD + "}\n", "{" + GOOD + "}\n" + cheap), ("weight: 2", "weight: 2.8"))
    found = [line.partition("criteria.1: ")[2].partition(";")[0] for line in printed.splitlines() if "may fail" in line]
    assert found == ([said] if said else [])


def test_what_a_failure_holds_back_counts_with_it(check):
    cheap = "      - {label: Two, weight: 1, assertion: {assert: agent-output, contains: [x]}}\n"
    guard = GUARD.replace("weight: 1", "weight: WEIGHT").replace("Two", "Three") + "        requires: [Two]\n"
    for weight, is_cheap in (("0.1", True), ("1", False)):
        more = cheap + guard.replace("WEIGHT", weight)
        _, printed = check(GOOD, ("{" + GOOD + "}\n", "{" + GOOD + "}\n" + more), ("weight: 2", "weight: 10"))
        assert ("criteria.1: it may fail" in printed) is is_cheap, printed


def test_a_superseded_version_is_not_warned_of(check, home):
    check("assert: state-unchanged")
    newer = home / "playgrounds/demo/v2/benchmark.yaml"
    newer.parent.mkdir()
    old = (home / "playgrounds/demo/v1/benchmark.yaml").read_text()
    newer.write_text(old.replace("version: 1", "version: 2").replace("assert: state-unchanged", GOOD))
    assert "warning" not in check("assert: state-unchanged")[1]


FHIR = "assert: fhir-resource-state, resource_type: "
HL7 = "assert: hl7-structural, "
PORTAL = "assert: portal-state-match, correlate_by: "
AUTHS = f"{PORTAL}{{resource: prior_auth_requests, key: request_id}}, "
CALL = "assert: interaction, "
KEPT = "assert: state-unchanged, "


QUOTED = "'OBX[?3.1=718-7].5.9.9'"


def fields(path, rest="exists: true"):
    return f"fields: [{{path: {path}, {rest}}}]"


@pytest.mark.parametrize(
    ("assertion", "key", "said"),
    [
        # FHIR paths
        (f"{FHIR}Encounter, {fields('perriod.end')}", "fields.0", 'Encounter has no "perriod"; did you mean "period"?'),
        (f"{FHIR}Patient, {fields('name.family')}", "fields.0", "name is a list; write name.0.family or name.*.family"),
        (f"{FHIR}Patient, {fields('name.0.famly')}", "fields.0", 'HumanName has no "famly"; did you mean "family"?'),
        (f"{FHIR}Patient, {fields('gender.0')}", "fields.0", "gender is no list"),
        (f"{FHIR}Patient, {fields('gender.code')}", "fields.0", "gender is a code, which has nothing below it"),
        (f"{FHIR}Observation, {fields('value.unit')}", "fields.0", "it is written valueBoolean, "),
        (f"{FHIR}Patinet", "assert", '"Patinet" is not a resource type of FHIR R4; did you mean "Patient"?'),
        # … values
        (f"{FHIR}Patient, {fields('gender', 'expected: no')}", "fields.0", "YAML reads a bare no so: put it in quotes"),
        (f"{FHIR}Patient, {fields('active', 'expected: no')}", "", ""),
        (f"{FHIR}Patient, {fields('active', 'expected: active')}", "fields.0", "write one of them, without quotes"),
        (f"{FHIR}Patient, {fields('gender', 'expected: femal')}", "fields.0", 'did you mean "female"?'),
        (f"{FHIR}Patient, {fields('gender', 'one_of: [male, femal]')}", "fields.0", 'did you mean "female"?'),
        (f"{FHIR}Patient, {fields('birthDate', 'expected: 1970-1-1')}", "fields.0", '"1970-1-1" is no date'),
        (f"{FHIR}Patient, {fields('name', 'expected: Reyes')}", "fields.0", "it is a list, which never equals"),
        (f"{FHIR}Patient, {fields('name', 'matches: Reyes')}", "fields.0", "matches never holds of a list"),
        (f"{FHIR}Patient, {fields('maritalStatus', 'expected: M')}", "fields.0", "it is an object, which never equals"),
        (
            f"{FHIR}AllergyIntolerance, {fields('clinicalStatus.coding.*.code', 'expected: activ')}",
            "fields.0",
            'did you mean "active"?',
        ),
        # … searches and expressions
        (f"{FHIR}Patient, search: {{famly: Reyes}}", "assert", 'no search parameter "famly". Did you mean family'),
        (f"{FHIR}Appointment, search: {{status: bookd}}", "search.status", 'did you mean "booked"?'),
        (f"{FHIR}Appointment, search: {{patient: Practitioner/x}}", "search.patient", "never refers to a Practitioner"),
        (f"{FHIR}Appointment, search: {{patient: Pateint/x}}", "assert", "is not a reference"),
        (f"{FHIR}Patient, fhirpath: telcom.exists()", "assert", 'did you mean "telecom"?'),
        (f"{FHIR}Patient, serch: {{}}", "assert", 'did you mean "search"?'),
        # HL7
        (f"{HL7}{fields('PDI.5.1')}", "fields.0", 'no version of HL7 has a segment PDI; did you mean "PID"?'),
        (f"{HL7}{fields('PID.99')}", "fields.0", "no version of HL7 has a field PID-99"),
        (f"{HL7}{fields('PID.5.40')}", "fields.0", "no version of HL7 has a component PID-5.40"),
        (f"{HL7}{fields('PID.8', 'expected: no')}", "fields.0", "put it in quotes"),
        (f"{HL7}correlate_by: {{message_type: SUI^S12}}", "correlate_by.message_type", 'did you mean "SIU"?'),
        (f"{HL7}correlate_by: {{message_type: ADT^A99}}", "correlate_by.message_type", "ADT has no trigger event A99"),
        (f"{HL7}correlate_by: {{trigger_event: S99}}", "correlate_by.trigger_event", "no message type has"),
        (f"{HL7}correlate_by: {{MSHH.5: X}}", "assert", "is not an HL7 path"),
        (f"{HL7}correlate_by: {{mesage_type: ADT}}", "assert", "did you mean message_type?"),
        (f"{HL7}correlate_by: {{PID.77: X}}", "correlate_by.PID.77", "no version of HL7 has a field PID-77"),
        # portal
        (f"{AUTHS}assertions: [{{path: statis, expected: x}}]", "assertions.0", 'did you mean "status"?'),
        (f"{AUTHS}assertions: [{{path: status, expected: submited}}]", "assertions.0", 'did you mean "submitted"?'),
        (f"{AUTHS}assertions: [{{path: determination.statu, expected: x}}]", "assertions.0", 'did you mean "status"?'),
        (f"{AUTHS}assertions: [{{path: diagnosis_codes, expected: M54}}]", "assertions.0", "it is a list"),
        (f"{AUTHS}where: {{procedur_code: X}}", "where.procedur_code", 'did you mean "procedure_code"?'),
        (f"{AUTHS}where: {{status: yes}}", "where.status", "put it in quotes"),
        (f"{PORTAL}{{resource: patients, key: membre_id}}", "correlate_by.key", 'did you mean "member_id"?'),
        (f"{PORTAL}{{resource: prior_auths}}", "assert", "prior_auth_requests"),
        # interaction
        (f"{CALL}method: GTE", "method", 'GTE is no method; did you mean "GET"?'),
        (f"{CALL}method: [GET, PSOT]", "method", 'did you mean "POST"?'),
        (f"{CALL}path: /hl7/inbox", "path", "paths are below the surface root; write hl7/inbox"),
        (f"{CALL}path: hl7/inbx", "path", 'did you mean "hl7/inbox"?'),
        (f"{CALL}path: fihr/Patient", "path", 'the environment has no surface "fihr"; did you mean "fhir"?'),
        (f"{CALL}path: fhir/Pateint/*", "path", 'Pateint is no resource type; did you mean "Patient"?'),
        (f"{CALL}path: portal/prior-auth", "path", "no request has such a path"),
        (f"{CALL}surface: portal, path: fhir/**", "path", "fhir/** is not on the surface portal"),
        (f"{CALL}surface: portl", "surface", 'did you mean "portal"?'),
        (f"{CALL}before: {{method: GTE}}", "before.method", 'did you mean "GET"?'),
        (f"{CALL}after: {{path: /fhir}}", "after.path", "write fhir"),
        (f"{CALL}type: fhir_requst", "assert", 'did you mean "fhir_request"?'),
        # state-unchanged
        (f"{KEPT}surfaces: [fhri]", "surfaces.0", 'did you mean "fhir"?'),
        (f"{KEPT}except: [fhir/Pateint/*]", "except.0", "no collection is called fhir/Pateint; did you mean"),
        (f"{KEPT}except: [portal/prior_auth_request/*]", "except.0", 'did you mean "portal/prior_auth_requests"?'),
        (f"{KEPT}except_created: [fiels/**]", "except_created.0", 'did you mean "files"?'),
        (f"{KEPT}except: [/fhir/Patient/*]", "except.0", "write fhir/Patient/*"),
        (f"{KEPT}surfaces: [fhir], except: [files/**]", "except.0", "where nothing is looked at"),
        # the output, the rest
        (f"assert: agent-output, {fields('dat')}", "fields.0", 'has no "dat"; did you mean "date"?'),
        (f"assert: agent-output, {fields('by.nam')}", "fields.0", 'has no "nam"; did you mean "name"?'),
        ("assert: agent-output, contain: [x]", "assert", 'did you mean "contains"?'),
        ("assert: llm-task, task: Referral", "task", 'the benchmark has no LLM task "Referral"'),
        (
            "assert: llm-task, task: 019011e6e5303aca6cf72973387c255d",
            "task",
            'the benchmark has no LLM task "019011e6e',
        ),
        (f"assert: llm-task, {fields('respnse.x')}", "fields.0", 'did you mean "response"?'),
        ("assert: state-unchangd", "assert", 'did you mean "state-unchanged"?'),
    ],
)
def test_an_assertion_that_can_never_hold(check, assertion, key, said):
    status, printed = check(assertion)
    if not key and not said:
        # A boolean where a boolean is: only how it is written is told.
        assert status == 1 and 'YAML reads no as false; write false, or "no" in quotes' in printed
        return
    line = next((line for line in printed.splitlines() if ": " in line and f"assertion.{key}:" in line), "")
    assert line.startswith("playgrounds/demo/v1/benchmark.yaml:24: tasks.0.criteria.0.assertion."), printed
    assert said in line
    assert status == 1 and printed.endswith("1 problem.\n"), printed


@pytest.mark.parametrize(
    "assertion",
    [
        f"{FHIR}Patient, {fields('name.*.given.0', 'expected: Ana')}",
        f"{FHIR}Patient, {fields('name', 'exists: true')}",
        f"{FHIR}Patient, {fields('name', 'contains: {family: Reyes}')}",
        f"{FHIR}Patient, {fields('_birthDate.extension.0.url')}",
        f"{FHIR}Patient, {fields('extension.0.valueString', 'expected: x')}",
        f"{FHIR}Patient, {fields('contained.0.anything.at.all')}",
        f"{FHIR}Patient, {fields('multipleBirthInteger', 'expected: 2')}",
        f"{FHIR}Patient, {fields('gender', 'expected: null')}",
        f"{FHIR}Observation, {fields('valueQuantity.value', 'expected: 6.80')}",
        f"{FHIR}Observation, search: {{status: 'final,amended', 'subject:Patient.name': Reyes}}",
        f'{FHIR}Observation, fhirpath: "value.ofType(Quantity).value > 1"',
        f"{FHIR}Patient, fhirpath: \"birthDate < @2020-01-01 and %resource.id = 'x' and $this is Patient\"",
        f"{HL7}{fields(QUOTED)}",
        f"{HL7}{fields('ZAB.1.2')}",
        f"{HL7}correlate_by: {{message_type: ORU, MSH-5.1: X}}",
        f"{AUTHS}assertions: [{{path: clinical_answers.anything, expected: true}}]",
        f"{AUTHS}assertions: [{{path: history.0.action, expected: x}}, {{path: attachments.*.filename, expected: x}}]",
        f"{CALL}method: post, path: 'fhir/*/_history/**'",
        f"{CALL}path: fhir/Patient/1/$everything, status: 2xx",
        f"{CALL}path: '**'",
        f"{CALL}path: files/outbox/x.csv",
        f"{KEPT}except: ['**'], except_created: ['fhir/*/x', files/tree/**, hl7/outbound/*]",
        f"assert: agent-output, {fields('by.name.first')}",
        "assert: llm-task",
    ],
)
def test_what_merely_looks_unusual_is_no_problem(check, assertion):
    assert check(assertion)[0] == 0, check(assertion)[1]


NO_HL7 = (
    "    - {type: Hl7, name: Engine}\n",
    "",
    "hl7-structural needs a simulator on the surface hl7; the environment has",
)


def event(match):
    return "request.method: PUT", match


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        NO_HL7,
        (*event("request.methd: PUT"), 'when.match.request.methd: a request has no methd; did you mean "method"?'),
        (*event("requst.method: PUT"), 'did you mean "request.method"?'),
        (*event("request.method: PTU"), 'methods are written in capitals; did you mean "PUT"?'),
        (*event("request.path: /hl7/inbox"), "paths are below the surface root; write hl7/inbox"),
        (*event("request.path: hl7/inbx"), 'did you mean "hl7/inbox"?'),
        (*event("response.status: 2xx"), "2xx is no status"),
        (*event("response.headers.etag: x"), "a response has no headers"),
        (*event("received: no"), 'YAML reads no as false; write false, or "no" in quotes'),
        ("event: fhir_request", "event: fhir_requst", 'no event type "fhir_requst"; did you mean "fhir_request"?'),
        ("Patient/ana-reyes", "Patient/ana-reys", 'has no Patient/ana-reys; did you mean "Patient/ana-reyes"?'),
        ("Patient/ana-reyes", "Pateint/ana-reyes", 'did you mean "Patient"?'),
        ("dataset: clinic, ref", "dataset: clinics, ref", 'there is no dataset "clinics"; did you mean "clinic"?'),
        ("weight: 2", "wieght: 2", 'unknown key; did you mean "weight"?'),
        ("weight: 2", "weight: 0", "all weights are 0"),
        ("type: Files", "type: Fiels", 'no simulator type "Fiels"; did you mean "Files"?'),
        ("action: drop_file_inbox", "action: drop_file", 'no action "drop_file"; did you mean "drop_file_inbox"?'),
        ("path: a.txt", "pth: a.txt", 'unknown key; did you mean "path"?'),
        ("instruction: Do it.", "instruction: 0123", "YAML reads 0123 as 83"),
        ("instruction: Do it.", "instruction: 10:30", "YAML reads 10:30 as 630"),
        (
            "instruction: Do it.",
            "instruction: 1.12345678901234567",
            "YAML reads 1.12345678901234567 as 1.1234567890123457",
        ),
    ],
)
def test_a_mistake_around_the_assertions(check, old, new, said):
    assertion = f"{HL7}{fields('PID.5.1')}" if "hl7-structural" in said else GOOD
    status, printed = check(assertion, (old, new))
    assert said in printed
    assert status == 1


def test_a_task_without_criteria(check):
    text = BENCHMARK[BENCHMARK.index("    criteria:") :]
    status, printed = check(GOOD, (text.replace("{ASSERTION}", "{" + GOOD + "}"), ""))
    assert (status, 'benchmark.yaml:13: tasks.0: the task "first" has no criteria' in printed) == (1, True), printed


def test_labels_and_axes_that_are_written_twice(check):
    again = "      - {label: One, axis: Correctness, weight: 1, assertion: {assert: agent-output, contains: [x]}}\n"
    status, printed = check(GOOD, (f"        assertion: {{{GOOD}}}\n", f"        assertion: {{{GOOD}}}\n{again}"))
    assert status == 1
    assert 'benchmark.yaml:25: tasks.0.criteria.1.label: criterion 0 of the task has the label "One", too' in printed
    assert 'tasks.0.criteria.1.axis: is another axis than "correctness", as another criterion writes it' in printed


def test_a_seed_folder_that_nothing_reads(check, home):
    (home / "seeds/clinic/fhir").rename(home / "seeds/clinic/fihr")
    (home / "seeds/clinic/portl.yaml").write_text("patients: []")
    status, printed = check(GOOD, ("    entities: [{dataset: clinic, ref: Patient/ana-reyes}]\n", ""))
    assert status == 1
    assert 'seeds/clinic/fihr/: no simulator reads it; did you mean "fhir/"?' in printed
    assert 'seeds/clinic/portl.yaml: no simulator reads it; did you mean "portal.yaml"?' in printed


def test_an_unknown_key_in_a_seed_has_file_line_and_key(check, home):
    (home / "seeds/clinic/portal.yaml").write_text("providers:\n  - npi: '1234567893'\n    nmae: Dr. Rivera\n")
    status, printed = check()
    assert status == 1
    assert 'seeds/clinic/portal.yaml:3: providers.0.nmae: unknown key; did you mean "name"?' in printed
    (home / "seeds/clinic/portal.yaml").unlink()
    (home / "seeds/clinic/fhir/b.json").write_text('{"resourceType": "Patient", "id": "b",\n "gendr": "male"}')
    status, printed = check()
    assert (status, "seeds/clinic/fhir/b.json" in printed and "gendr" in printed) == (1, True)


def test_a_file_of_the_wrong_kind_in_a_seed_folder(check, home):
    (home / "seeds/clinic/fhir/c.jsn").write_text("{}")
    status, printed = check()
    assert (status, "seeds/clinic/fhir/c.jsn" in printed) == (1, True)


def test_what_is_refused_at_load_hides_nothing_else(check):
    gte, nonsense = "{assert: interaction, method: GTE}", "{assert: nonsense}"
    more = "".join(f"      - {{label: {a[9:12]}, assertion: {a}}}\n" for a in (gte, nonsense))
    status, printed = check(f"{FHIR}Patient, fhirpath: nme.exists()", after=more)
    assert status == 1
    for said in (
        'Patient has no element "nme"',
        'GTE is no method; did you mean "GET"?',
        'no check is called "nonsense"',
    ):
        assert printed.count(said) == 1, printed
    assert printed.count("nme.exists") == 1 and printed.endswith("3 problems.\n")


def test_a_directory_without_benchmarks(home):
    (home / "empty").mkdir()
    result = CliRunner().invoke(app, ["check", str(home / "empty"), "--seeds", str(home / "seeds")])
    assert result.exit_code == 1
    assert "holds no benchmark; a benchmark is <slug>/v<version>/benchmark.yaml" in result.output
    result = CliRunner().invoke(app, ["check", str(home / "nowhere"), "--seeds", str(home / "seeds")])
    assert (result.exit_code, "is not a directory" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("other/benchmark.yaml", "playgrounds/other/benchmark.yaml: is not read where it lies"),
        ("other/1/benchmark.yaml", "playgrounds/other/1/benchmark.yaml: is not read where it lies"),
        ("other/v1/benchmrk.yaml", 'playgrounds/other/v1/benchmrk.yaml: is not read; did you mean "benchmark.yaml"?'),
    ],
)
def test_a_definition_that_nothing_reads(check, home, place, said):
    (home / "playgrounds" / place).parent.mkdir(parents=True, exist_ok=True)
    (home / "playgrounds" / place).write_text("slug: other")
    status, printed = check()
    assert (status, said in printed) == (1, True), printed


def test_a_template_that_nothing_uses_and_a_mistake_in_one_that_is_used_twice(check):
    template = f"  used: {{label: 'Has {{with.a}}', assertion: {{{FHIR}Patient, {fields('gendr')}}}}}\n"
    unused = "  unused: {label: x, assertion: {assert: state-unchanged}}\n"
    uses = "      - {use: used, with: {a: 1}}\n      - {use: used, with: {a: no}}\n"
    status, printed = check(
        GOOD,
        ("tasks:\n", f"templates:\n{template}{unused}tasks:\n"),
        ("{" + GOOD + "}\n", "{" + GOOD + "}\n" + uses),
    )
    assert status == 1 and printed.endswith("3 problems.\n"), printed
    assert 'templates.used.assertion.fields.0: gendr: Patient has no "gendr"; did you mean "gender"?' in printed
    assert "templates.unused: no criterion uses it" in printed
    assert "tasks.0.criteria.2.with.a: YAML reads no as false" in printed
