"""Write the laboratory's messages of this benchmark as ER7 files; the same bytes every time.

python playgrounds/lab-result-routing/v2/make_messages.py [DIRECTORY]
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

NAMES = {
    "2951-2": ("Sodium [Moles/volume] in Serum or Plasma", "mmol/L", "136-145"),
    "2823-3": ("Potassium [Moles/volume] in Serum or Plasma", "mmol/L", "3.5-5.1"),
    "2075-0": ("Chloride [Moles/volume] in Serum or Plasma", "mmol/L", "98-107"),
    "2028-9": ("Carbon dioxide, total [Moles/volume] in Serum or Plasma", "mmol/L", "22-29"),
    "3094-0": ("Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", "7-20"),
    "2160-0": ("Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "0.6-1.3"),
    "2345-7": ("Glucose [Mass/volume] in Serum or Plasma", "mg/dL", "70-99"),
    "17861-6": ("Calcium [Mass/volume] in Serum or Plasma", "mg/dL", "8.6-10.3"),
    "718-7": ("Hemoglobin [Mass/volume] in Blood", "g/dL", "12.0-16.0"),
    "3016-3": ("Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", "0.4-4.5"),
    "2276-4": ("Ferritin [Mass/volume] in Serum or Plasma", "ng/mL", "15-150"),
    "51990-0": ("Basic metabolic panel - Blood", "", ""),
    "58410-2": ("CBC panel - Blood by Automated count", "", ""),
}
PANEL = ["2951-2", "2823-3", "2075-0", "2028-9", "3094-0", "2160-0", "2345-7", "17861-6"]
MARSH, OYELARAN = "1999991015^MARSH^HELEN", "1999991080^OYELARAN^JAMES"
CALDER, GRANT = "1999991221^CALDER^INES", "1999991155^GRANT^TESSA"


@dataclass(frozen=True)
class Result:
    """One ORU: the patient as the laboratory has it, the order, and LOINC → (value, flag)."""

    file: str
    control_id: str
    sent: str
    mrn: str
    name: str
    birth: str
    sex: str
    order: str
    accession: str
    test: str
    clinician: str
    values: dict[str, tuple[str, str]]
    collected: str = "20260422134500+0000"
    status: str = "F"
    notes: tuple[str, ...] = field(default=())


def panel(*values: str) -> dict[str, tuple[str, str]]:
    """Pair the metabolic panel's tests with `value` or `value flag`."""
    pairs = [[*value.split(" "), "N"] for value in values]
    return {code: (pair[0], pair[1]) for code, pair in zip(PANEL, pairs, strict=True)}


RESULTS = [
    Result(
        "lund-bmp.hl7", "LL0423-0417", "20260423101500+0000", "RC-100217", "LUND^BEATRICE", "19700211", "F",
        "ORD-260422-211", "LL26112-0417", "51990-0", MARSH,
        panel("139", "4.4", "102", "25", "14", "0.9", "131 H", "9.4"),
    ),
    Result(
        "haddad-bmp.hl7", "LL0423-0422", "20260423113800+0000", "RC-100218", "HADDAD^OMAR", "19530506", "M",
        "ORD-260422-214", "LL26112-0422", "51990-0", OYELARAN,
        panel("134 L", "6.8 HH", "101", "19 L", "46 H", "2.3 H", "104 H", "9.0"),
        notes=("Specimen not hemolyzed. Potassium repeated and confirmed.",),
    ),
    Result(
        "feldman-cbc-corrected.hl7", "LL0423-0388C", "20260423093000+0000", "RC-100219", "FELDMAN^RUTH", "19591219",
        "F", "ORD-260420-188", "LL26111-0388", "58410-2", MARSH, {"718-7": ("12.4", "N")}, "20260421124000+0000", "C",
        ("CORRECTED REPORT. Hemoglobin previously reported as 8.1 g/dL; the specimen was diluted in error.",),
    ),
    Result(
        "kim-tsh.hl7", "LL0423-0431", "20260423104200+0000", "RC-109931", "KIM^DANIEL", "19930830", "M",
        "ORD-260421-902", "LL26112-0431", "3016-3", GRANT, {"3016-3": ("0.02", "LL")},
    ),
    Result(
        "mixed-1-mendoza.hl7", "LL0423-0501", "20260423081000+0000", "RC-100221", "MENDOZA^CARLOS", "19750428", "M",
        "ORD-260422-219", "LL26112-0501", "2823-3", OYELARAN, {"2823-3": ("7.1", "HH")},
    ),
    Result(
        "mixed-2-delaney.hl7", "LL0423-0507", "20260423082200+0000", "RC-100223", "DELANEY^FRANK", "19601014", "M",
        "ORD-260422-226", "LL26112-0507", "3016-3", MARSH, {"3016-3": ("2.1", "N")},
    ),
    Result(
        "mixed-3-hassan.hl7", "LL0423-0512", "20260423090500+0000", "RC-100222", "HASSAN^NADIA", "19660609", "F",
        "ORD-260422-223", "LL26112-0512", "51990-0", OYELARAN,
        panel("138", "4.0", "103", "24", "16", "0.9", "38 LL", "9.1"),
        notes=("Glucose repeated and confirmed.",),
    ),
    Result(
        "mixed-4-reyes.hl7", "LL0423-0518", "20260423093100+0000", "RC-100225", "REYES^SOFIA", "20140902", "F",
        "ORD-260422-230", "LL26112-0518", "2276-4", CALDER, {"2276-4": ("9", "L")},
    ),
    Result(
        "mixed-5-mendoza-corrected.hl7", "LL0423-0501C", "20260423101000+0000", "RC-100221", "MENDOZA^CARLOS",
        "19750428", "M", "ORD-260422-219", "LL26112-0501", "2823-3", OYELARAN, {"2823-3": ("4.6", "N")}, status="C",
        notes=("CORRECTED REPORT. Potassium previously reported as 7.1 mmol/L; specimen mix-up in the laboratory.",),
    ),
    Result(
        "mixed-6-delaney-again.hl7", "LL0423-0529", "20260423110000+0000", "RC-100223", "DELANEY^FRANK", "19601014",
        "M", "ORD-260422-226", "LL26112-0507", "3016-3", MARSH, {"3016-3": ("2.1", "N")},
    ),
]  # fmt: skip


def segment(name: str, **fields: str) -> str:
    """Write a segment from its numbered fields (`f5="x"`)."""
    numbered = {int(key[1:]): value for key, value in fields.items()}
    return "|".join([name, *(numbered.get(number, "") for number in range(1, max(numbered) + 1))])


def message(item: Result) -> str:
    """Write one ORU^R01."""
    name, _, _ = NAMES[item.test]
    lines = [
        f"MSH|^~\\&|LRLAB|LAKELAND|RCEHR|REGMED|{item.sent}||ORU^R01^ORU_R01|{item.control_id}|P|2.5.1",
        segment("PID", f1="1", f3=f"{item.mrn}^^^REGMED^MR", f5=item.name, f7=item.birth, f8=item.sex),
        segment("ORC", f1="RE", f2=item.order, f3=item.accession, f12=item.clinician),
        segment(
            "OBR", f1="1", f2=item.order, f3=item.accession, f4=f"{item.test}^{name}^LN", f7=item.collected,
            f16=item.clinician, f22=item.sent, f24="CH", f25=item.status,
        ),
    ]  # fmt: skip
    lines += [segment("NTE", f1=str(number), f2="L", f3=text) for number, text in enumerate(item.notes, 1)]
    for number, (code, (value, flag)) in enumerate(item.values.items(), 1):
        name, unit, interval = NAMES[code]
        lines.append(
            segment(
                "OBX", f1=str(number), f2="NM", f3=f"{code}^{name}^LN", f5=value, f6=f"{unit}^{unit}^UCUM",
                f7=interval, f8=flag, f11=item.status, f14=item.collected,
            )
        )  # fmt: skip
    return "".join(line + "\r" for line in lines)


def update() -> str:
    """Write a message that is not a result: an address change that registration deals with."""
    return "".join(
        line + "\r"
        for line in (
            "MSH|^~\\&|REGADT|REGMED|RCEHR|REGMED|20260423075500+0000||ADT^A08^ADT_A01|ADT0423-0012|P|2.5.1",
            "EVN|A08|20260423075500+0000",
            segment(
                "PID", f1="1", f3="RC-100237^^^REGMED^MR", f5="SCHMIDT^LAURA", f7="19890504", f8="F",
                f11="41 Parkside Drive^^Riverton^OH^44199",
            ),
            "PV1|1|O",
        )
    )  # fmt: skip


def main() -> None:
    """Write all messages."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "messages"
    target.mkdir(parents=True, exist_ok=True)
    for item in RESULTS:
        (target / item.file).write_bytes(message(item).encode())
    (target / "schmidt-update.hl7").write_bytes(update().encode())


if __name__ == "__main__":
    main()
