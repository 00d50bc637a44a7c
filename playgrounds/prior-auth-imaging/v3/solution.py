"""The reference agent: settles authorizations from charts, papers and the payer's portal, by the house rules."""

import base64
import json
import re
from datetime import date, timedelta
from typing import Any

NPI = "http://hl7.org/fhir/sid/us-npi"
CPT = "http://www.ama-assn.org/go/cpt"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
EGFR = "http://loinc.org|98979-8"
Row = dict[str, Any]
WORDS = dict(zip("one two three four five six seven eight nine ten eleven twelve".split(), range(1, 13), strict=True))
LOOKS = 8


def codes(concept: Row, system: str) -> list[str]:
    """Return the codes of one system in a CodeableConcept."""
    return [c["code"] for c in concept.get("coding", []) if c.get("system") == system]


def find(pattern: str, text: str) -> str:
    """Return the first group of a pattern; raises `LookupError` where a text has no such thing."""
    found = re.search(pattern, text)
    if found is None:
        raise LookupError(f"{pattern} is not in {text!r}")
    return found[1]


class Desk:
    """What the authorization desk reads and does."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.item: Row = task.task_item
        self.instruction: str = self.item["instruction"]
        self.today = date.fromisoformat(self.item["today"])

    async def call(self, method: str, path: str, **sent: Any) -> Any:
        """Call a system and return what it answers."""
        return (await self.task.request(method, path, **sent)).raise_for_status().json()

    async def search(self, kind: str, **params: str) -> list[Row]:
        """Return the matches of a search in the charts."""
        bundle = await self.call("GET", f"fhir/{kind}", params={**params, "_count": "100"})
        return [entry["resource"] for entry in bundle.get("entry", [])]

    async def rows(self, path: str, **params: str) -> list[Row]:
        """Return a list of the portal's."""
        return list((await self.call("GET", f"portal/{path}", params={**params, "limit": "100"}))["data"])

    # The order and what belongs to it.

    async def open_order(self) -> None:
        """Read the order, its clinician, its insurance and the notes, the latest first."""
        self.order = (await self.search("ServiceRequest", identifier=self.item["order"]))[0]
        patient = self.order["subject"]["reference"]
        clinician = await self.call("GET", f"fhir/{self.order['requester']['reference']}")
        insurance = await self.call("GET", f"fhir/{self.order['insurance'][0]['reference']}")
        self.chart = await self.call("GET", f"fhir/{patient}")
        self.member: str = insurance["subscriberId"]
        self.plan: str = next(
            c["value"] for c in insurance["class"] if codes(c["type"], c["type"]["coding"][0]["system"]) == ["plan"]
        )
        self.npi: str = next(i["value"] for i in clinician["identifier"] if i["system"] == NPI)
        self.code = codes(self.order["code"], CPT)[0]
        self.diagnoses = [code for reason in self.order["reasonCode"] for code in codes(reason, ICD10)]
        self.units = self.order.get("quantityQuantity", {}).get("value")
        documents = await self.search("DocumentReference", patient=patient, _sort="-date")
        self.notes = [base64.b64decode(d["content"][0]["attachment"]["data"]).decode() for d in documents]
        self.visits = [d["date"][:10] for d in documents]

    async def requirements(self) -> Row:
        """Return whether the payer wants an authorization, and what it asks."""
        params = {"procedure_code": self.code, "patient_member_id": self.member}
        return dict(await self.call("GET", "portal/requirements", params=params))

    async def on_file(self) -> Row | None:
        """Return the request that is on file for this member and procedure."""
        rows = await self.rows("prior-auths", patient_member_id=self.member, procedure_code=self.code)
        return next((row for row in rows if row["state"] not in ("denied", "withdrawn", "expired")), None)

    def note_with(self, pattern: str) -> str:
        """Return what the latest note that says something of it says."""
        for note in self.notes:
            found = re.search(pattern, note)
            if found:
                return found[1]
        raise LookupError(f"no note says {pattern}")

    def answer(self, question: str) -> Any:
        """Answer a question of the payer's from the notes."""
        latest = self.notes[0]
        match question:
            case "weeks_of_therapy":
                found = re.search(r"(\w+) weeks of supervised physical therapy", " ".join(self.notes))
                return WORDS[found[1].lower()] if found else 0
            case "side":
                return find(r"\b(right|left)\b", self.order["code"]["text"])
            case "locking":
                return "locking" in latest
            case "red_flags":
                return "none" if "no trauma, no cancer" in latest else None
            case "motor_deficit":
                return "5/5 throughout" not in latest
            case "purpose":
                return "treatment_response" if "after the second cycle" in latest else "follow_up"
            case "smoking":
                return "former" if "Former smoker" in latest else "current"
            case "pack_years":
                return int(self.note_with(r"(\d+) pack-years"))
            case "quit_year":
                return int(self.note_with(r"stopped for good in \w+ (\d{4})"))
            case "symptoms":
                return "No cough" not in latest
            case "decision_visit":
                return next(day for day, note in zip(self.visits, self.notes, strict=True) if "discussed today" in note)
            case "contrast_allergy":
                return "no allergy to contrast medium" not in latest
        return None

    # The request.

    def body(self, answers: Row) -> Row:
        """Return a request for the order."""
        made = {
            "patient_member_id": self.member,
            "procedure_code": self.code,
            "diagnosis_codes": self.diagnoses,
            "provider_npi": self.npi,
            "clinical_answers": answers,
        }
        return made if self.units is None else {**made, "units": self.units}

    def answers(self, questions: list[Row]) -> Row:
        """Answer what is asked, question by question: one that depends on others only if those are so answered."""
        given: Row = {}
        for question in questions:
            conditions = question.get("when") or ()
            if all(self.is_met(condition, given.get(condition["question"])) for condition in conditions):
                given[question["id"]] = self.answer(question["id"])
        return given

    def is_met(self, condition: Row, answer: Any) -> bool:
        """Tell whether an answer is what a later question depends on."""
        wanted = condition["one_of"] or [condition["equals"]]
        return answer in wanted

    async def send(self) -> Row:
        """Send the request."""
        asked = (await self.requirements())["questions"]
        return dict(await self.call("POST", "portal/prior-auths", json=self.body(self.answers(asked))))

    async def until(self, row: Row, *names: str) -> Row:
        """Wait until the payer has decided and what is named is there."""
        for _ in range(LOOKS):
            if row["determination"]["status"] != "pending" and all(row[name] is not None for name in names):
                return row
            await self.task.advance_clock()
            row = await self.call("GET", f"portal/prior-auths/{row['request_id']}")
        raise LookupError(f"{row['request_id']} is {row['state']}")

    async def release(self) -> None:
        """Make the order active and leave the rest of it as it is."""
        headers = {"If-Match": f'W/"{self.order["meta"]["versionId"]}"'}
        path = f"fhir/ServiceRequest/{self.order['id']}"
        await self.call("PUT", path, json={**self.order, "status": "active"}, headers=headers)

    def report(self, decision: str, **more: Any) -> Row:
        """Return the report on an order."""
        return {"order": self.item["order"], "decision": decision, **more}

    # The tasks.

    async def pended_for_notes(self) -> Row:
        """Send, hand in the paper that is asked for, wait for the number, release."""
        await self.open_order()
        row = await self.send()
        await self.hand_in(row, await self.paper(row))
        row = await self.until(await self.call("GET", f"portal/prior-auths/{row['request_id']}"), "auth_number")
        await self.release()
        return self.report("authorized", auth_number=row["auth_number"])

    async def paper(self, row: Row) -> Row:
        """Return the paper on the shared drive that the payer wants, in a kind that it takes."""
        limits = (await self.requirements())["attachments"]
        record = self.chart["identifier"][0]["value"]
        year = self.note_with(r"weeks of supervised physical therapy, (\d{4})")
        listed = await self.call("GET", f"files/records/{record}")
        name = re.compile(rf"pt-discharge-{year}")
        for entry in listed:
            is_taken = entry["content_type"] in limits["content_types"] and entry["size"] <= limits["max_bytes"]
            if name.search(entry["path"]) and is_taken:
                return dict(entry)
        raise LookupError(f"no paper for {row['wanted']}")

    async def hand_in(self, row: Row, entry: Row) -> None:
        """Attach a paper to the request that waits for it, and hand it in."""
        path = f"portal/prior-auths/{row['request_id']}"
        content = (await self.task.request("GET", f"files/{entry['path']}")).raise_for_status().body
        params = {"filename": entry["path"].rpartition("/")[2]}
        headers = {"Content-Type": entry["content_type"]}
        await self.call("POST", f"{path}/attachments", params=params, data=content, headers=headers)
        await self.call("POST", f"{path}/submit")

    async def two_of_three(self) -> Row:
        """Send, wait, book as many scans as are approved and lie within the days."""
        await self.open_order()
        row = await self.until(await self.send(), "auth_number")
        granted = row["authorization"]
        scans = await self.search("Appointment", patient=self.order["subject"]["reference"], _sort="date")
        for scan in self.covered(scans, granted):
            await self.call("PUT", f"fhir/Appointment/{scan['id']}", json={**scan, "status": "booked"})
        return self.report("partially authorized", units=granted["units"], good_until=granted["valid_to"])

    def covered(self, scans: list[Row], granted: Row) -> list[Row]:
        """Return the scans that an approval covers."""
        within = [s for s in scans if granted["valid_from"] <= s["start"][:10] <= granted["valid_to"]]
        return within[: granted["units"]]

    async def on_file_already(self) -> Row:
        """Look first; what is there is not sent again."""
        await self.open_order()
        row = await self.on_file()
        if row is None:
            raise LookupError("nothing is on file")
        numbers = {"tracking_number": row["tracking_number"], "provider_npi": row["provider_npi"]}
        return self.report("on file", **numbers)

    async def wrong_patient(self) -> Row:
        """Take the wrong request back, and send the same for the right member."""
        born = find(r"other Marcus Bell, born (\S+?)\.", self.instruction)
        member = find(r"member ([A-Z]{3}\d+)", self.instruction)
        members = await self.rows("patients", name="Marcus Bell", birth_date=born)
        (other,) = [row for row in members if row["coverage"]["status"] == "active"]
        sent = await self.rows("prior-auths", patient_member_id=other["member_id"])
        (wrong,) = [r for r in sent if r["procedure_code"] == "72148" and r["submitted_at"][:10] == str(self.today)]
        await self.take_back(wrong)
        names = ("procedure_code", "diagnosis_codes", "provider_npi", "clinical_answers", "notes")
        same = {name: wrong[name] for name in names}
        await self.call("POST", "portal/prior-auths", json={**same, "patient_member_id": member})
        return {"taken_back": wrong["tracking_number"]}

    async def take_back(self, row: Row) -> None:
        """Withdraw a request."""
        path = f"portal/prior-auths/{row['request_id']}/withdraw"
        await self.call("POST", path, json={"reason": "Sent for the wrong person."})

    async def slip_of_a_digit(self) -> Row:
        """Correct the answer in the request that has it."""
        member = find(r"member ([A-Z]{3}\d+)", self.instruction)
        wrong, right = (int(find(p, self.instruction)) for p in (r"typed (\d+) weeks", r"it was (\d+)"))
        sent = await self.rows("prior-auths", patient_member_id=member)
        (row,) = [r for r in sent if r["clinical_answers"].get("weeks_of_therapy") == wrong]
        await self.correct(row, right)
        return {"corrected": row["tracking_number"]}

    async def correct(self, row: Row, weeks: int) -> None:
        """Change the weeks of therapy in a request."""
        path = f"portal/prior-auths/{row['request_id']}"
        await self.call("PATCH", path, json={"clinical_answers": {"weeks_of_therapy": weeks}})

    async def appeal_in_time(self) -> Row:
        """Appeal the latest refusal of the neck with the therapy of the last six months."""
        member = find(r"member ([A-Z]{3}\d+)", self.instruction)
        refused = await self.rows("prior-auths", patient_member_id=member, determination="denied")
        row = max((r for r in refused if r["procedure_code"] == "72141"), key=lambda r: str(r["submitted_at"]))
        path = f"portal/prior-auths/{row['request_id']}/appeal"
        await self.call("POST", path, json={"rationale": self.rationale(row)})
        return {"appealed": row["tracking_number"]}

    def rationale(self, row: Row) -> str:
        """Answer the payer's reason from what the clinician has in the chart."""
        therapies = re.findall(r"for (\d+) weeks, (\S+) to (\d{4}-\d\d-\d\d)", self.instruction)
        weeks, begin, end = max(self.therapies(therapies), key=lambda t: t[1])
        reason = row["denial"]["reason"].rstrip(".")
        told = f"supervised physical therapy for {weeks} weeks, {begin} to {end}, without lasting relief"
        return f'You denied it because "{reason}". She had {told}.'

    def therapies(self, found: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        """Return the episodes that the payer's reason counts: those of the last six months."""
        return [t for t in found if date.fromisoformat(t[2]) >= self.today - timedelta(days=182)]

    async def peer_to_peer(self) -> Row:
        """Ask for the call, take the slot that suits, hold it, wait for the number, release."""
        await self.open_order()
        (row,) = await self.rows("prior-auths", patient_member_id=self.member, determination="denied")
        path = f"portal/prior-auths/{row['request_id']}"
        contact = {"contact": "Dr. Ferris", "phone": find(r"at (419-555-\d{4})", self.instruction)}
        row = await self.call("POST", f"{path}/peer-to-peer", json=contact)
        while not row["peer_to_peer"]["slots"]:
            await self.task.advance_clock()
            row = await self.call("GET", path)
        slot = self.slot(row["peer_to_peer"]["slots"])
        row = await self.call("POST", f"{path}/peer-to-peer/slot", json={"slot": slot})
        while row["state"] == "peer_to_peer_chosen":
            await self.task.advance_clock()
            row = await self.call("GET", path)
        for text in self.points():
            row = await self.call("POST", f"{path}/peer-to-peer/turns", json={"text": text})
        await self.until(row, "auth_number")
        await self.release()
        return self.report("authorized")

    def slot(self, slots: list[Row]) -> int:
        """Return the slot tomorrow between 2 and 4 in the afternoon, Eastern daylight time."""
        tomorrow = self.today + timedelta(days=1)
        begin, end = f"{tomorrow}T18:00", f"{tomorrow}T20:00"
        return int(next(s["slot"] for s in slots if begin <= s["starts_at"] and s["ends_at"][:16] <= end))

    def points(self) -> tuple[str, str]:
        """Answer the medical director's questions from the latest note."""
        since = self.note_with(r"foot drop since ([\d-]+)")
        grade = self.note_with(r"dorsiflexion (\d/\d) on the right")
        weeks = self.note_with(r"(\w+) weeks of supervised physical therapy")
        return (
            f"A new right foot drop since {since}; ankle dorsiflexion is {grade} on the right.",
            f"{weeks} weeks of supervised physical therapy, stopped because of the weakness.",
        )

    async def saved_not_sent(self) -> Row:
        """Complete the draft from the chart and send it."""
        await self.open_order()
        (draft,) = await self.rows("prior-auths", patient_member_id=self.member, status="draft")
        (latest, *_) = await self.search(
            "Observation", patient=self.order["subject"]["reference"], code=EGFR, _sort="-date"
        )
        values = {"egfr": latest["valueQuantity"]["value"], "egfr_date": latest["effectiveDateTime"][:10]}
        answers = {"contrast_allergy": self.answer("contrast_allergy"), **values}
        path = f"portal/prior-auths/{draft['request_id']}"
        await self.call("PATCH", path, json={"clinical_answers": answers})
        await self.finish(path)
        return self.report("sent")

    async def finish(self, path: str) -> None:
        """Send what was saved."""
        await self.call("POST", f"{path}/submit")

    async def not_needed(self) -> Row:
        """Release what needs no authorization."""
        await self.open_order()
        if (await self.requirements())["authorization_required"] is not False:
            raise LookupError("an authorization is needed")
        await self.release()
        return self.report("not required")

    async def another_payer(self) -> Row:
        """Hand over what another payer decides."""
        await self.open_order()
        payer = (await self.requirements())["decided_by"]
        request = self.body({})
        sheet = {"order": self.item["order"], "payer": payer, "member_id": self.member}
        sheet |= {name: request[name] for name in ("procedure_code", "diagnosis_codes", "provider_npi")}
        path = f"files/outbox/other-payers/{self.item['order']}.json"
        headers = {"Content-Type": "application/json"}
        (await self.task.request("PUT", path, data=json.dumps(sheet).encode(), headers=headers)).raise_for_status()
        return self.report("another payer", payer=payer)

    async def smoking_history(self) -> Row:
        """Send with the answers that the branches ask for, wait for the number, release."""
        await self.open_order()
        await self.until(await self.send(), "auth_number")
        await self.release()
        return self.report("authorized")

    async def status_calls(self) -> Row:
        """Look each caller's request up by what the caller names."""
        told = {}
        for name in ("First", "Second", "Third", "Fourth"):
            words = find(rf"{name}: (.+?\d{{4}}.*?)(?:\. [A-Z]|, about)", self.instruction)
            told[name.lower()] = self.told(await self.status(words))
        return told

    async def status(self, words: str) -> list[Row]:
        """Return what is on file for who names a tracking number, or member and birth date."""
        number = re.search(r"TN\d+", words)
        if number is not None:
            params = {"tracking_number": number[0]}
        else:
            params = {"member_id": find(r"member ([A-Z]{3}\d+)", words), "birth_date": find(r"born ([\d-]+)", words)}
        return list((await self.call("GET", "portal/public-status", params=params))["data"])

    def told(self, found: list[Row]) -> Row:
        """Return what a caller is told."""
        if not found:
            return {"status": "none on file", "auth_number": None, "day": None}
        row = found[0]
        status = {"need_more_info": "more information wanted"}.get(row["determination"], row["determination"])
        day = (row["authorization"] or {}).get("valid_to") or (row["due_at"] or "")[:10] or None
        return {"status": status, "auth_number": row["auth_number"], "day": day}


async def solve(task: Any, desk: type[Desk] = Desk) -> Any:
    """Settle the task."""
    return await getattr(desk(task), task.key.replace("-", "_"))()
