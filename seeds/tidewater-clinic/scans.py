"""Papers that were scanned into the shared drive: laboratory reports as PDF with a text layer."""

from io import BytesIO

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen import canvas

# file: the lines of one page
PAPERS = {
    "brandon-leah-19940707-cbc-2025-02-18.pdf": [
        "Chesapeake Reference Laboratory",
        "Patient: Leah Brandon    Born: 1994-07-07    Record: TW-200024",
        "Collected: 2025-02-18    Reported: 2025-02-19    Status: final",
        "Complete blood count with differential",
        "Leukocytes 6.8 x10*3/uL",
        "Eosinophils, absolute 180 cells/uL",
        "Ordered by: Hugh Tan, MD",
    ],
    "brandon-leah-19940707-cbc-2026-04-30.pdf": [
        "Chesapeake Reference Laboratory",
        "Patient: Leah Brandon    Born: 1994-07-07    Record: TW-200024",
        "Collected: 2026-04-30    Reported: 2026-05-01    Status: final",
        "Complete blood count with differential",
        "Leukocytes 7.9 x10*3/uL",
        "Eosinophils, absolute 420 cells/uL",
        "Ordered by: Hugh Tan, MD",
    ],
    "brandon-leah-19910717-cbc-2026-05-04.pdf": [
        "Chesapeake Reference Laboratory",
        "Patient: Leah Brandon    Born: 1991-07-17    Record: TW-200025",
        "Collected: 2026-05-04    Reported: 2026-05-05    Status: final",
        "Complete blood count with differential",
        "Leukocytes 5.4 x10*3/uL",
        "Eosinophils, absolute 90 cells/uL",
        "Ordered by: Miriam Adler, MD",
    ],
}


def papers() -> dict[str, bytes]:
    """Return the papers: file name → PDF."""
    return {name: _page(lines) for name, lines in PAPERS.items()}


def _page(lines: list[str]) -> bytes:
    out = BytesIO()
    page = canvas.Canvas(out, pagesize=letter, invariant=1)
    for place, line in enumerate(lines):
        page.setFont("Helvetica-Bold" if place == 0 else "Helvetica", 12 if place == 0 else 11)
        page.drawString(54, 738 - 22 * place, line)
    page.showPage()
    page.save()
    return out.getvalue()
