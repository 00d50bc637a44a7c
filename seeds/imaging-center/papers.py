"""The shared drive: patients' papers as they were scanned or printed. The same bytes every time."""

import io

from people import PATIENTS
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen import canvas

MRN = PATIENTS["priya-raman"].mrn
THERAPY_2026 = [
    "Harbor Point Physical Therapy - discharge summary",
    f"Patient: Priya Raman, born 1979-08-24, record {MRN}",
    "Episode: 2026-03-30 to 2026-05-22",
    "Supervised physical therapy twice a week for 8 weeks, 16 visits, all attended.",
    "Left leg pain 7/10 at the beginning, 6/10 at the end. No lasting relief.",
    "Discharged to the referring physician for imaging.",
]
THERAPY_2024 = [
    "Lakeside Physical Therapy - discharge summary",
    f"Patient: Priya Raman, born 1979-08-24, record {MRN}",
    "Episode: 2024-02-19 to 2024-03-08",
    "Supervised physical therapy for 3 weeks, 5 visits. Free of pain at the end.",
]
NAMESAKE = [
    "Harbor Point Physical Therapy - discharge summary",
    f"Patient: Hugh Barlow, born 1972-12-19, record {PATIENTS['hugh-barlow'].mrn}",
    "Episode: 2026-04-13 to 2026-05-29",
    "Supervised physical therapy twice a week for 7 weeks, 13 visits.",
]


def pdf(pages: list[list[str]]) -> bytes:
    """Print lines on pages."""
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=letter, invariant=1, pageCompression=0)
    for lines in pages:
        page.setFont("Helvetica", 10)
        for place, line in enumerate(lines):
            page.drawString(54, 738 - 14 * place, line)
        page.showPage()
    page.save()
    return out.getvalue()


def whole_chart() -> bytes:
    """Print everything there is, as the chart system's "print all" does: many pages."""
    filler = [f"{n:02}  Vital signs, messages, billing and scheduling entries of this visit." for n in range(1, 46)]
    pages = [[f"Priya Raman, record {MRN}, printed chart, page {n}", *filler] for n in range(1, 21)]
    return pdf([*pages, THERAPY_2026, THERAPY_2024])


def files() -> dict[str, bytes]:
    """Return path → content."""
    folder, other = f"records/{MRN}", f"records/{PATIENTS['hugh-barlow'].mrn}"
    text = "\n".join(THERAPY_2026) + "\n"
    return {
        f"{folder}/pt-discharge-2024.pdf": pdf([THERAPY_2024]),
        f"{folder}/pt-discharge-2026.pdf": pdf([THERAPY_2026]),
        f"{folder}/pt-discharge-2026.txt": text.encode(),
        f"{folder}/whole-chart.pdf": whole_chart(),
        f"{other}/pt-discharge-2026.pdf": pdf([NAMESAKE]),
    }
