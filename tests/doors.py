"""One payer behind all of its doors: the REST, the pages, X12 278, prior authorization over FHIR."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandbox.testing.server import SandboxServer, running_server
from tests.portal_site import CONFIG, PlainBrowser, Portal, start_portal, write_site

PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
NPI = "1234567893"
BESIDE = (
    {"type": "Clearinghouse", "name": "Clearinghouse"},
    {"type": "Fhir", "name": "EHR", "dataset": "portal"},
)
# One request, sent again with these words by somebody.
CRITERIA = (
    {
        "label": "sent again",
        "axis": "correctness",
        "weight": 1,
        "assertion": {
            "assert": "portal-state-match",
            "correlate_by": {"resource": "prior_auth_requests", "key": "procedure_code", "value": "70551"},
            "count": {"min": 1, "max": 1},
            "assertions": [
                {"path": "state", "expected": "resubmitted"},
                {"path": "notes", "expected": "Sent again by a page."},
            ],
        },
    },
)


@contextmanager
def running_doors() -> Iterator[SandboxServer]:
    """Run a server whose payer has all of its doors."""
    rules = [
        {
            "procedure_code": "72148",
            "path": [
                {"status": "under_review", "delay_seconds": 60},
                {
                    "status": "need_more_info",
                    "reason": "Send the notes.",
                    "documents": ["Therapy notes"],
                    "due_seconds": 86_400,
                    "delay_seconds": 60,
                },
                {"status": "approved", "units": 2, "valid_days": 30, "delay_seconds": 60},
            ],
            "resubmission": {"status": "denied", "code": "MN-12", "reason": "Nothing new."},
            "appeal": {"mentions": ["deficit"], "valid_days": 30, "delay_seconds": 60},
        },
        *CONFIG["determinations"],
    ]
    with TemporaryDirectory() as folder:
        playgrounds, seeds = write_site(Path(folder), beside=BESIDE, criteria=CRITERIA, fhir=True, determinations=rules)
        with running_server(playgrounds=[playgrounds], seeds=[seeds]) as made:
            yield made


class _Form(HTMLParser):
    """What a browser would send of a page's forms as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        name, kind = held.get("name"), held.get("type")
        if tag == "textarea" and name:
            self._area = name
            self.values[name] = ""
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select and "selected" in held:
            self.values[self._select] = held.get("value") or ""
        elif tag == "input" and name and kind != "file" and (kind not in ("radio", "checkbox") or "checked" in held):
            self.values[name] = held.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.values[self._area] += data


@dataclass
class Said:
    """What a door answered: whether it did what was asked, and its words."""

    is_done: bool
    words: str


@dataclass
class Doors:
    """A started task run and every way to its payer."""

    portal: Portal
    browser: PlainBrowser
    number: int = 0
    claims: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        return str(self.portal.held["api_url"]).rpartition("/")[0]

    def send(self, method: str, path: str, body: Any, kind: str = "application/json") -> tuple[int, str]:
        """Call below the run's root with its token."""
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.portal.token}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.root}/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def case(self, name: str) -> Any:
        return self.portal.rest("GET", f"prior-auths/{name}")

    def rest(self, name: str, call: str, words: str) -> Said:
        """Ask for something by the REST."""
        bodies: dict[str, Any] = {
            "update": {"notes": words},
            "withdraw": {"reason": words},
            "resubmit": {"notes": words},
            "appeal": {"rationale": words},
        }
        method, path = ("PATCH", "") if call == "update" else ("POST", f"/{call}")
        status, text = self.send(method, f"portal/prior-auths/{name}{path}", bodies[call])
        assert status in (200, 409), (status, text)
        return Said(status == 200, text)

    def page(self, name: str, call: str, words: str) -> Said:
        """Ask for it by a form; where the state has no such form, the page says so."""
        row = self.case(name)
        at = "information" if call == "update" and row["state"] == "pended" else {"update": "edit"}.get(call, call)
        shown = self.browser.get(f"{self.portal.url}requests/{name}/{at}")
        if shown.status != 200:
            assert shown.status == 409, shown.seen
            return Said(False, shown.seen)
        fields = {"update": {"notes": words}, "withdraw": {"reason": words}, "appeal": {"rationale": words}}
        form = _Form()
        form.feed(shown.text.partition("<main")[2])
        answer = self.browser.post(shown.url, {**form.values, **fields.get(call, {"notes": words})})
        assert answer.status in (200, 409, 422), answer.seen
        return Said(answer.status == 200, answer.seen)

    def x12(self, name: str, call: str, words: str) -> Said:
        """Ask for it by a 278."""
        row = self.case(name)
        code = {"update": "S", "withdraw": "3", "resubmit": "N", "appeal": "1"}[call]
        actions = self.send_278(code, row, words)
        rejected = [line for line in actions if line.startswith("AAA")]
        return Said(not rejected, " ".join(line[4:] for line in actions if line.startswith("MSG")))

    def inquire(self, row: Any) -> Any:
        """Ask the clearinghouse after a case; return what it was told."""
        who = {"member_id": row["patient_member_id"], "last_name": "Reyes", "birth_date": "1970-01-01"}
        asked = {"action": "inquiry", "authorization_number": row["tracking_number"], **who}
        status, text = self.send("POST", "clearinghouse/prior-auth", asked)
        assert status == 200, text
        return json.loads(text)

    def send_278(self, code: str, row: Any, words: str) -> list[str]:
        """Send a 278 about a case; return the segments of the answer."""
        self.number += 1
        number = f"{self.number:09}"
        inner = (
            f"BHT*0007*13*REF{number}*20260423*0900~HL*1**20*1~NM1*X3*2*PLAN*****PI*12345~HL*2*1*21*1~"
            f"NM1*1P*1*Rivera*Elena****XX*{NPI}~HL*3*2*22*1~NM1*IL*1*Reyes*Ana****MI*{row['patient_member_id']}~"
            f"DMG*D8*19700101~HL*4*3*EV*1~UM*HS*{code}*62*11:B~REF*NT*{row['request_id']}~HI*ABK:M5416~"
            f"MSG*{words}~HL*5*4*SS*0~SV1*HC:{row['procedure_code']}**UN*{row['units'] or 1}~"
        )
        count = inner.count("~") + 2
        text = (
            f"ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *260423*0900*^*00501*{number}*0*T*:~"
            f"GS*HI*CLINIC*PAYER*20260423*0900*{self.number}*X*005010X217~ST*278*0001*005010X217~{inner}"
            f"SE*{count}*0001~GE*1*{self.number}~IEA*1*{number}~"
        )
        status, answer = self.send("POST", "clearinghouse/transactions", text, "application/edi-x12")
        assert status == 200 and "~ST*278*" in answer, answer
        return answer.split("~")

    def fhir(self, name: str, call: str, words: str) -> Said:
        """Ask for it by a Claim."""
        answer = self.submit(self.case(name), call, words)
        told = " ".join(str(error["code"].get("text")) for error in answer.get("error", ()))
        return Said(answer["outcome"] != "error", told)

    def submit(self, row: Any, call: str, words: str) -> Any:
        """Submit a Claim about a case, or the first one of a case; return the ClaimResponse."""
        self.number += 1
        own: list[Any] = []
        if row.get("request_id"):
            own.append({"url": f"{PAS}/extension-administrationReferenceNumber", "valueString": row["request_id"]})
        code = {"withdraw": "3", "resubmit": "N", "appeal": "1"}.get(call)
        if code is not None:
            coded = {"coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": code}]}
            own.append({"url": f"{PAS}/extension-certificationType", "valueCodeableConcept": coded})
        claim: dict[str, Any] = {
            "resourceType": "Claim",
            "id": f"c{self.number}",
            "status": "active",
            "type": {"coding": [{"code": "professional"}]},
            "use": "preauthorization",
            "patient": {"reference": "Patient/p"},
            "created": "2026-04-23",
            "provider": {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": NPI}},
            "priority": {"coding": [{"code": "normal"}]},
            "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "Gold PPO"}}],
            "supportingInfo": [{"sequence": 1, "category": {"text": "notes"}, "valueString": words}],
            "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {"coding": [{"code": "M54.16"}]}}],
            "item": [
                {
                    "sequence": 1,
                    "productOrService": {"coding": [{"code": row["procedure_code"]}]},
                    "quantity": {"value": row.get("units") or 1},
                    **({"extension": own} if own else {}),
                }
            ],
        }
        if row.get("request_id"):
            prior = {"coding": [{"code": "prior"}]}
            claim["related"] = [{"relationship": prior, "claim": {"identifier": {"value": row["request_id"]}}}]
        patient = {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [{"value": row["patient_member_id"]}],
            "name": [{"family": "Reyes", "given": ["Ana"]}],
            "birthDate": "1970-01-01",
        }
        rows = [
            {"fullUrl": f"https://ehr.example.org/fhir/{r['resourceType']}/{r['id']}", "resource": r}
            for r in (claim, patient)
        ]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": rows}
        status, text = self.send("POST", "portal/fhir/Claim/$submit", bundle, "application/fhir+json")
        assert status == 200, text
        return json.loads(text)["entry"][0]["resource"]


def enter(server: SandboxServer) -> Doors:
    """Start a task run and open its doors."""
    portal = start_portal(server)
    browser = PlainBrowser()
    assert browser.log_in(portal).status == 200
    return Doors(portal, browser)
