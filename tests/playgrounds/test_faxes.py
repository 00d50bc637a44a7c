"""The referral faxes: a text layer that says what a referral says, and less where the task turns on it."""

import io
from pathlib import Path

import pytest

EXPECTED = {
    "whitfield.pdf": (2, ["MSF-26-1107", "WHITFIELD, HAROLD", "06/17/1951", "Cardiology", "R00.2", "SAR310077341"]),
    "hfh-referral-0452.pdf": (1, ["HFH-26-0452", "Jennifer Kowalski", "November 5, 1979", "Endocrinology", "E03.9"]),
    "nim-0417.pdf": (2, ["NIM-26-0417", "NGUYEN, DAVID", "10/02/1985", "Orthopedics", "M25.561", "402 Kiln Street"]),
    "obrien.pdf": (2, ["MSF-26-1115", "O'BRIEN, THOMAS", "09/04/1962", "URGENT", "G45.9", "LHP558334410"]),
    "elm-grove-88.pdf": (2, ["EGW-26-0088", "ADEYEMI, GRACE", "12/01/1968", "Please evaluate and treat."]),
    "nim-0398-second-request.pdf": (2, ["NIM-26-0398", "SECOND REQUEST", "PETROV, WALTER", "M17.9"]),
    "records-request.pdf": (1, ["REQUEST FOR MEDICAL RECORDS", "OSTROWSKI, VIVIAN"]),
}


def read(path: Path) -> list[str]:
    from pypdf import PdfReader

    return [page.extract_text() for page in PdfReader(io.BytesIO(path.read_bytes())).pages]


@pytest.fixture(scope="module", params=["v1", "v2"])
def faxes(playgrounds: Path, request: pytest.FixtureRequest) -> Path:
    return playgrounds / "fax-referral" / request.param / "faxes"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fax_says_what_it_should(name: str, faxes: Path) -> None:
    count, phrases = EXPECTED[name]
    pages = read(faxes / name)
    assert len(pages) == count
    for number, page in enumerate(pages, 1):
        assert f"PAGE {number}/{count}" in page
        assert "TO: 330-555-0101" in page
    text = "\n".join(pages)
    assert not [phrase for phrase in phrases if phrase not in text]


def test_every_fax_is_listed_here(faxes: Path) -> None:
    assert {path.name for path in faxes.iterdir()} == EXPECTED.keys()


def test_the_incomplete_fax_lacks_exactly_two_things(faxes: Path) -> None:
    text = "\n".join(read(faxes / "elm-grove-88.pdf"))
    assert "Diagnosis (ICD-10-CM):\nReason for referral:" in text
    assert "Callback number:\nElectronically signed" in text
    assert "234-555-0116" not in text


def test_a_fax_holds_no_time_of_making(faxes: Path) -> None:
    from pypdf import PdfReader

    for path in faxes.iterdir():
        assert PdfReader(path).metadata["/CreationDate"] == "D:20000101000000+00'00'", path.name
