"""The other right way: whole charts and batches are read, and what belongs together is written in one transaction."""

from typing import Any

from .solution import Office, Resource, steps_of


class WholeOffice(Office):
    """Reads by $everything or within a batch; writes whole resources, by transaction."""

    async def transact(self, *entries: tuple[str, Resource]) -> None:
        """Write several resources in one transaction."""
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"resource": resource, "request": {"method": url.partition(" ")[0], "url": url.partition(" ")[2]}}
                for url, resource in entries
            ],
        }
        await self.call("POST", "fhir", json=bundle)

    async def patch(self, resource: Resource, **members: Any) -> None:
        """Update the whole resource."""
        url = f"PUT {resource['resourceType']}/{resource['id']}"
        await self.transact((url, {**resource, **members}))

    async def create(self, resource: Resource) -> None:
        """Store a new resource, by transaction."""
        await self.transact((f"POST {resource['resourceType']}", resource))

    async def patient(self, name: str, born: str) -> Resource:
        """Find the patient by a batch."""
        given, family = name.rsplit(" ", 1)
        url = f"Patient?family={family}&given={given}&birthdate={born}"
        bundle = {
            "resourceType": "Bundle",
            "type": "batch",
            "entry": [{"request": {"method": "GET", "url": url}}],
        }
        answer = await self.call("POST", "fhir", json=bundle)
        charts = [entry["resource"] for entry in answer["entry"][0]["resource"]["entry"]]
        (found,) = (chart for chart in charts if chart.get("active") is not False)
        return dict(found)

    async def read_allergies(self) -> None:
        """Read the whole chart."""
        patient = await self.patient_meant()
        bundle = await self.call("GET", f"fhir/Patient/{patient['id']}/$everything")
        self.allergies = [
            entry["resource"]["code"].get("text", "")
            for entry in bundle["entry"]
            if entry["resource"]["resourceType"] == "AllergyIntolerance"
        ]

    async def stop_drug(self) -> None:
        """Leave the stop to the one step that changes both."""

    async def order_drug(self) -> None:
        """Order the drug; where another one ends, in one transaction with that."""
        if " from " not in self.instruction:
            await super().order_drug()
            return
        old = await self.old_drug()
        await self.transact(
            ("POST MedicationRequest", await self.drug_order()),
            (f"PUT MedicationRequest/{old['id']}", {**old, "status": "stopped"}),
        )

    async def request_approval(self) -> None:
        """Ask the payer, then look at the list of requests."""
        await super().request_approval()
        await self.call("GET", "portal/prior-auths")

    async def read_and_close(self) -> None:
        """Read every letter, then close the orders together."""
        done = [row for row in await self.worklist() if await self.took_place(row)]
        orders = [(await self.search("ServiceRequest", identifier=row["order"]))[0] for row in done]
        await self.transact(*((f"PUT ServiceRequest/{o['id']}", {**o, "status": "completed"}) for o in orders))

    async def file_result(self) -> None:
        """File the result and complete its order in one transaction."""
        patient, obx, order = await self.lab_result()
        await self.transact(
            ("POST Observation", self.observation(patient, obx, order)),
            (f"PUT ServiceRequest/{order['id']}", {**order, "status": "completed"}),
        )

    async def is_who_they_say(self, patient: Resource, member: str) -> bool:
        """Open the member on the payers' portal."""
        row = await self.call("GET", f"portal/patients/{member}")
        name = patient["name"][0]
        return (row["last_name"], row["first_name"]) == (name["family"], name["given"][0])


async def solve(task: Any) -> None:
    """Take the steps of the task."""
    for step in steps_of(WholeOffice(task))[task.key]:
        await step()
