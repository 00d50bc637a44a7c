"""Draw the faxes of this benchmark as PDFs; the same bytes every time.

    python playgrounds/fax-referral/v2/make_faxes.py [DIRECTORY]

Two layouts, as two practices' software would print them: a form and a letter.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen import canvas

OUR_FAX = "330-555-0101"
LEFT, RIGHT, TOP, BOTTOM = 54, 558, 738, 60


@dataclass(frozen=True)
class Practice:
    """A referring practice's letterhead."""

    name: str
    address: str
    phone: str
    fax: str


MAPLE = Practice("Maple Street Family Practice", "31 Maple Street, Fairmont OH 44198", "234-555-0110", "234-555-0111")
NORTHGATE = Practice(
    "Northgate Internal Medicine", "5 Northgate Plaza, Fairmont OH 44198", "234-555-0112", "234-555-0113"
)
HARBOR = Practice("Harbor Family Health", "120 Dock Street, Port Clay OH 44197", "234-555-0114", "234-555-0115")
ELM = Practice("Elm Grove Walk-in Clinic", "9 Elm Grove Mall, Fairmont OH 44198", "234-555-0116", "234-555-0117")


@dataclass(frozen=True)
class Referral:
    """What one referral fax says. An empty value is printed as an empty line."""

    file: str
    sent: str
    practice: Practice
    layout: str
    number: str
    date: str
    patient: str
    birth: str
    sex: str
    phone: str
    address: str
    insurance: str
    member: str
    specialty: str
    urgency: str
    diagnosis: str
    reason: str
    history: str
    clinician: str
    npi: str
    callback: str
    stamp: str = ""


REFERRALS = [
    Referral(
        "whitfield.pdf", "04/22/2026 16:42", MAPLE, "form", "MSF-26-1107", "04/22/2026", "WHITFIELD, HAROLD",
        "06/17/1951", "M", "330-555-0127", "9 Orchard Court, Riverton OH 44199", "Senior Advantage of Riverton",
        "SAR310077341", "Cardiology", "ROUTINE", "R00.2 Palpitations",
        "Palpitations several times a week for two months, each lasting some minutes. No syncope, no chest pain. "
        "Please evaluate and advise on rhythm monitoring.",
        "Hypertension, high cholesterol. Lisinopril 10 mg, atorvastatin 20 mg. ECG at rest 04/20/2026: sinus rhythm, "
        "66/min. TSH and electrolytes normal.",
        "Susan Albrecht, MD", "1999991718", "234-555-0110 ext 4",
    ),
    Referral(
        "hfh-referral-0452.pdf", "04/22/2026 17:05", HARBOR, "letter", "HFH-26-0452", "April 22, 2026",
        "Jennifer Kowalski", "November 5, 1979", "female", "330-555-0128", "231 Mill Street, Riverton OH 44199",
        "Lakeshore Health Plan", "LHP558210094", "Endocrinology", "routine", "E03.9 Hypothyroidism, unspecified",
        "Hypothyroidism with TSH between 0.2 and 9 on an unchanged dose of levothyroxine over the last year. I would "
        "be grateful for your help with the dose.",
        "Levothyroxine 75 micrograms each morning. No heart disease. Not pregnant.",
        "Monica Salazar, MD", "1999991858", "234-555-0114",
    ),
    Referral(
        "nim-0417.pdf", "04/23/2026 08:11", NORTHGATE, "form", "NIM-26-0417", "04/22/2026", "NGUYEN, DAVID",
        "10/02/1985", "M", "330-555-0171", "402 Kiln Street, Riverton OH 44199", "Keystone Commercial Insurance",
        "KCI772233190", "Orthopedics", "ROUTINE", "M25.561 Pain in right knee",
        "Right knee pain and swelling after football, four weeks, no better with rest and ibuprofen. Evaluate and "
        "treat.",
        "No chronic illness, no regular medication, no known allergies. Radiograph 04/06/2026: no fracture.",
        "Peter Kline, MD", "1999991783", "234-555-0112",
    ),
    Referral(
        "obrien.pdf", "04/23/2026 08:37", MAPLE, "form", "MSF-26-1115", "04/23/2026", "O'BRIEN, THOMAS",
        "09/04/1962", "M", "330-555-0131", "640 Lake Shore, Riverton OH 44199", "Lakeshore Health Plan",
        "LHP558334410", "Neurology", "URGENT", "G45.9 Transient cerebral ischemic attack, unspecified",
        "Episode of right arm weakness and slurred speech on 04/21/2026, 20 minutes, fully resolved. CT head and "
        "carotid duplex done in the emergency department, unremarkable. Aspirin started. Please see urgently.",
        "Migraine, hypertension. Lisinopril 10 mg.",
        "Susan Albrecht, MD", "1999991718", "234-555-0110 ext 4",
    ),
    Referral(
        "elm-grove-88.pdf", "04/23/2026 07:58", ELM, "form", "EGW-26-0088", "04/22/2026", "ADEYEMI, GRACE",
        "12/01/1968", "F", "330-555-0133", "305 Highland Avenue, Riverton OH 44199", "Keystone Commercial Insurance",
        "KCI771098334", "Endocrinology", "ROUTINE", "",
        "Please evaluate and treat.",
        "See attached (3 pages).",
        "Dana Whitlock, FNP", "1999991924", "",
    ),
    Referral(
        "nim-0398-second-request.pdf", "04/23/2026 08:20", NORTHGATE, "form", "NIM-26-0398", "04/14/2026",
        "PETROV, WALTER", "08/22/1955", "M", "330-555-0134", "77 Bridge Street, Riverton OH 44199",
        "Senior Advantage of Riverton", "SAR310092280", "Orthopedics", "ROUTINE",
        "M17.9 Osteoarthritis of knee, unspecified",
        "Osteoarthritis of both knees, pain on stairs in spite of acetaminophen. Consider injection.",
        "Gout. Allopurinol 100 mg.",
        "Peter Kline, MD", "1999991783", "234-555-0112",
        "*** SECOND REQUEST - WE HAVE NOT HEARD FROM YOU ***",
    ),
]  # fmt: skip


class Fax:
    """A fax on letter paper: a header line on each page and text that flows."""

    def __init__(self, path: Path, sent: str, practice: Practice, pages: int, title: str) -> None:
        self._canvas = canvas.Canvas(str(path), pagesize=letter, invariant=1)
        self._canvas.setTitle(title)
        self._canvas.setAuthor(practice.name)
        self._sent, self._practice, self._pages, self._page = sent, practice, pages, 0
        self._seed = path.name
        self.y = 0.0
        self.new_page()

    def new_page(self) -> None:
        """Begin the next page with the fax machine's header and some specks."""
        if self._page:
            self._canvas.showPage()
        self._page += 1
        header = f"{self._sent}  FROM: {self._practice.name.upper()} {self._practice.fax}  TO: {OUR_FAX}"
        self._canvas.setFont("Courier", 8)
        self._canvas.drawString(LEFT - 24, 768, header)
        self._canvas.drawRightString(RIGHT + 24, 768, f"PAGE {self._page}/{self._pages}")
        digest = hashlib.sha256(f"{self._seed}{self._page}".encode()).digest()
        for x, y in zip(digest[::2], digest[1::2], strict=True):
            self._canvas.circle(LEFT + 2 * x, BOTTOM + 2.6 * y, 0.4, stroke=0, fill=1)
        self.y = TOP

    def line(self, text: str, size: int = 10, bold: bool = False, indent: float = 0) -> None:
        """Write one line."""
        self._canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
        self._canvas.drawString(LEFT + indent, self.y, text)
        self.y -= size + 5

    def text(self, text: str, size: int = 10, indent: float = 0) -> None:
        """Write text, wrapped at the right margin."""
        self._canvas.setFont("Helvetica", size)
        line = ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if self._canvas.stringWidth(longer, "Helvetica", size) > RIGHT - LEFT - indent:
                self.line(line, size, indent=indent)
                longer = word
            line = longer
        self.line(line, size, indent=indent)

    def field(self, label: str, value: str) -> None:
        """Write a labelled line of a form, with a rule to write on."""
        self._canvas.setFont("Helvetica-Bold", 10)
        self._canvas.drawString(LEFT, self.y, f"{label}:")
        self._canvas.setFont("Helvetica", 10)
        self._canvas.drawString(LEFT + 150, self.y, value)
        self._canvas.setLineWidth(0.3)
        self._canvas.line(LEFT + 148, self.y - 2, RIGHT, self.y - 2)
        self.y -= 16

    def heading(self, text: str) -> None:
        """Write a section's heading in a box."""
        self.y -= 8
        self._canvas.setLineWidth(0.8)
        self._canvas.rect(LEFT - 4, self.y - 4, RIGHT - LEFT + 8, 15, stroke=1, fill=0)
        self.line(text.upper(), 10, bold=True)
        self.y -= 3

    def signature(self, name: str) -> None:
        """Draw something that looks like a signature over the name."""
        self.y -= 22
        pen = self._canvas.beginPath()
        pen.moveTo(LEFT, self.y + 6)
        for index, byte in enumerate(hashlib.sha256(name.encode()).digest()[:12]):
            x = LEFT + 8 + index * 11
            pen.curveTo(x - 6, self.y + byte % 22, x - 3, self.y - byte % 7, x, self.y + 4 + byte % 9)
        self._canvas.setLineWidth(1)
        self._canvas.drawPath(pen)
        self.y -= 12

    def save(self) -> None:
        """Write the file."""
        self._canvas.showPage()
        self._canvas.save()


def draw_form(path: Path, item: Referral) -> None:
    """Draw the two-page form: cover facts and clinical part."""
    fax = Fax(path, item.sent, item.practice, 2, f"Referral {item.number}")
    fax.line(item.practice.name, 16, bold=True)
    fax.line(f"{item.practice.address}    Fax {item.practice.fax}", 9)
    fax.y -= 6
    fax.line("OUTPATIENT REFERRAL", 14, bold=True)
    if item.stamp:
        fax.line(item.stamp, 11, bold=True)
    fax.field("Referral number", item.number)
    fax.field("Date of referral", item.date)
    fax.field("Refer to", "Regional Medical Center, Specialty Clinic")
    fax.field("Requested specialty", item.specialty)
    fax.field("Urgency", item.urgency)
    fax.heading("Patient")
    fax.field("Name", item.patient)
    fax.field("Date of birth", item.birth)
    fax.field("Sex", item.sex)
    fax.field("Phone", item.phone)
    fax.field("Address", item.address)
    fax.heading("Insurance")
    fax.field("Plan", item.insurance)
    fax.field("Member number", item.member)
    fax.new_page()
    fax.line(f"Referral {item.number}    {item.patient}    DOB {item.birth}", 9)
    fax.heading("Clinical")
    fax.field("Diagnosis (ICD-10-CM)", item.diagnosis)
    fax.line("Reason for referral:", bold=True)
    fax.text(item.reason, indent=12)
    fax.y -= 4
    fax.line("History and medication:", bold=True)
    fax.text(item.history, indent=12)
    fax.heading("Referring clinician")
    fax.field("Clinician", item.clinician)
    fax.field("NPI", item.npi)
    fax.field("Callback number", item.callback)
    fax.signature(item.clinician)
    fax.line(f"Electronically signed {item.date}", 9)
    fax.line("CONFIDENTIAL: If you are not the intended recipient, call the sender and destroy this fax.", 8)
    fax.save()


def draw_letter(path: Path, item: Referral) -> None:
    """Draw the one-page letter."""
    fax = Fax(path, item.sent, item.practice, 1, f"Referral {item.number}")
    fax.line(item.practice.name, 15, bold=True)
    fax.line(item.practice.address, 9)
    fax.line(f"Tel {item.practice.phone}   Fax {item.practice.fax}", 9)
    fax.y -= 14
    fax.line(item.date)
    fax.y -= 8
    fax.line("Regional Medical Center, Specialty Clinic, Referral Desk")
    fax.line(f"Our reference: {item.number}")
    fax.y -= 8
    fax.line(f"Re: {item.patient}, born {item.birth}, {item.sex}", bold=True)
    fax.line(f"{item.address}, phone {item.phone}")
    fax.line(f"Insurance: {item.insurance}, member number {item.member}")
    fax.y -= 8
    fax.text(f"Dear colleagues, please see this patient in {item.specialty}. This is a {item.urgency} referral.")
    fax.text(f"Diagnosis: {item.diagnosis}.")
    fax.y -= 4
    fax.text(item.reason)
    fax.text(item.history)
    fax.y -= 8
    fax.text(f"Should anything be unclear you reach me at {item.callback}.")
    fax.signature(item.clinician)
    fax.line(f"{item.clinician}   NPI {item.npi}")
    fax.save()


def draw_records_request(path: Path) -> None:
    """Draw a fax that is not a referral."""
    fax = Fax(path, "04/23/2026 08:30", NORTHGATE, 1, "Request for records")
    fax.line(NORTHGATE.name, 16, bold=True)
    fax.line("REQUEST FOR MEDICAL RECORDS", 14, bold=True)
    fax.field("Patient", "OSTROWSKI, VIVIAN")
    fax.field("Date of birth", "11/11/1953")
    fax.text(
        "Please send office notes and radiographs of the last twelve months to the fax number above. A signed "
        "authorization is on file with us."
    )
    fax.save()


def main() -> None:
    """Draw all faxes."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "faxes"
    target.mkdir(parents=True, exist_ok=True)
    for item in REFERRALS:
        {"form": draw_form, "letter": draw_letter}[item.layout](target / item.file, item)
    draw_records_request(target / "records-request.pdf")


if __name__ == "__main__":
    main()
