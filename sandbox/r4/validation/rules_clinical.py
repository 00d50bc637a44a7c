"""Rules of the clinical, administrative and financial resources."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.r4.validation.dates import is_after
from sandbox.r4.validation.rule_helpers import UCUM, choice, count, has, implies, is_coded, is_distinct

Row: TypeAlias = tuple[str, str, Callable[[Json, Json], bool]]

TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
ALLERGY_STATUS: Final = TERMINOLOGY + "allergyintolerance-verification"
CONDITION_STATUS: Final = TERMINOLOGY + "condition-clinical"
CONDITION_VERIFICATION: Final = TERMINOLOGY + "condition-ver-status"
CONSENT_SCOPE: Final = TERMINOLOGY + "consentscope"


def _code_key(coding: Json) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, str(v)) for k, v in coding.items()))


def _component_differs(value: Json, root: Json) -> bool:
    """obs-7: a component with the observation's own code would state its value twice."""
    if choice(value, "value") is None or "component" not in value:
        return True
    own = {_code_key(c) for c in value["code"].get("coding", ())}
    return not any(_code_key(c) in own for part in value["component"] for c in part["code"].get("coding", ()))


def _percent(quantity: Json) -> bool:
    return quantity is None or (quantity.get("code") == "%" and quantity.get("system") == UCUM)


def _question_item(value: Json, root: Json) -> bool:
    kind = value.get("type")
    return implies(kind == "group", has(value, "item")) and implies(kind == "display", not has(value, "item"))


_LENGTH_TYPES: Final = frozenset("boolean decimal integer string text url open-choice".split())
_OPTION_TYPES: Final = frozenset("choice open-choice decimal integer date dateTime time string quantity".split())


def _link_ids(items: Json) -> list[Json]:
    found = []
    for item in items or ():
        found.append(item.get("linkId"))
        found += _link_ids(item.get("item"))
    return found


# The expressions of these four name the system "something"; what they say is meant of the scopes that R4 defines.
_CONSENT_SCOPES: Final = (
    ("ppc-2", "patient-privacy"), ("ppc-3", "research"), ("ppc-4", "adr"), ("ppc-5", "treatment"),
)  # fmt: skip


def _consent(key: str, code: str) -> Row:
    def test(value: Json, root: Json) -> bool:
        return has(value, "patient") or not is_coded(value.get("scope"), CONSENT_SCOPE, code)

    return key, f"A consent with the scope {code} needs a patient.", test


def _not_home(key: str, name: str) -> Row:
    def test(value: Json, root: Json) -> bool:
        return not any(item.get("use") == "home" for item in value.get(name, ()))

    return key, f"No {name} of an organization has the use home.", test


def _on_behalf(value: Json, root: Json) -> bool:
    """ctm-1: only a practitioner stands for an organization; a member that cannot be told may be one."""
    text = value.get("member", {}).get("reference", "")
    if "onBehalfOf" not in value or not text:
        return True
    if text.startswith("#"):
        held = [c.get("resourceType") for c in root.get("contained", ()) if c.get("id") == text[1:]]
        return held in ([], ["Practitioner"])
    parts = text.partition("/_history/")[0].split("/")
    return len(parts) < 2 or parts[-2] == "Practitioner"


CLINICAL_RULES: dict[str, tuple[Any, ...]] = {
    "AllergyIntolerance": (
        (
            "ait-1",
            "clinicalStatus is required unless verificationStatus is entered-in-error.",
            lambda v, r: (
                is_coded(v.get("verificationStatus"), ALLERGY_STATUS, "entered-in-error") or "clinicalStatus" in v
            ),
        ),
        (
            "ait-2",
            "clinicalStatus must be absent when verificationStatus is entered-in-error.",
            lambda v, r: (
                not is_coded(v.get("verificationStatus"), ALLERGY_STATUS, "entered-in-error")
                or "clinicalStatus" not in v
            ),
        ),
    ),
    "Appointment": (
        ("app-2", "Give both start and end, or neither.", lambda v, r: has(v, "start") == has(v, "end")),
        (
            "app-3",
            "start and end may only be missing while status is proposed, cancelled or waitlist.",
            lambda v, r: (
                (has(v, "start") and has(v, "end")) or v.get("status") in ("proposed", "cancelled", "waitlist")
            ),
        ),
        (
            "app-4",
            "cancelationReason is only for the status cancelled or noshow.",
            lambda v, r: "cancelationReason" not in v or v.get("status") in ("noshow", "cancelled"),
        ),
    ),
    "Appointment.participant": (
        ("app-1", "A participant needs a type or an actor.", lambda v, r: has(v, "type", "actor")),
    ),
    "AppointmentResponse": (
        ("apr-1", "Give participantType or actor.", lambda v, r: has(v, "participantType", "actor")),
    ),
    "AuditEvent.entity": (
        ("sev-1", "Use name or query, not both.", lambda v, r: not (has(v, "name") and has(v, "query"))),
    ),
    "CarePlan.activity": (
        ("cpl-3", "Use detail or reference, not both.", lambda v, r: not (has(v, "detail") and has(v, "reference"))),
    ),
    "CareTeam.participant": (("ctm-1", "onBehalfOf is only for a member who is a Practitioner.", _on_behalf),),
    "Composition.section": (
        ("cmp-1", "A section needs text, entries or sections.", lambda v, r: has(v, "text", "entry", "section")),
        (
            "cmp-2",
            "emptyReason is only for a section without entries.",
            lambda v, r: not (has(v, "emptyReason") and has(v, "entry")),
        ),
    ),
    "Condition": (
        (
            "con-4",
            "A condition with an abatement is inactive, resolved or in remission.",
            lambda v, r: (
                choice(v, "abatement") is None
                or is_coded(v.get("clinicalStatus"), CONDITION_STATUS, "resolved", "remission", "inactive")
            ),
        ),
        (
            "con-5",
            "clinicalStatus must be absent when verificationStatus is entered-in-error.",
            lambda v, r: (
                not is_coded(v.get("verificationStatus"), CONDITION_VERIFICATION, "entered-in-error")
                or "clinicalStatus" not in v
            ),
        ),
    ),
    "Condition.stage": (
        ("con-1", "A stage needs a summary or an assessment.", lambda v, r: has(v, "summary", "assessment")),
    ),
    "Condition.evidence": (("con-2", "Evidence needs a code or details.", lambda v, r: has(v, "code", "detail")),),
    "Consent": (
        ("ppc-1", "Give policy or policyRule.", lambda v, r: has(v, "policy", "policyRule")),
        *(_consent(key, code) for key, code in _CONSENT_SCOPES),
    ),
    "CoverageEligibilityResponse.insurance.item": (
        (
            "ces-1",
            "Give category or productOrService, not both.",
            lambda v, r: has(v, "category") != has(v, "productOrService"),
        ),
    ),
    "FamilyMemberHistory": (
        ("fhs-1", "Use age or born, not both.", lambda v, r: choice(v, "age") is None or choice(v, "born") is None),
        (
            "fhs-2",
            "estimatedAge needs an age.",
            lambda v, r: choice(v, "age") is not None or not has(v, "estimatedAge"),
        ),
    ),
    "Goal.target": (
        ("gol-1", "A detail needs its measure.", lambda v, r: choice(v, "detail") is None or has(v, "measure")),
    ),
    "Group": (
        ("grp-1", "Only an actual group has members.", lambda v, r: not has(v, "member") or v.get("actual") is True),
    ),
    "Immunization.education": (
        ("imm-1", "Give documentType or reference.", lambda v, r: has(v, "documentType", "reference")),
    ),
    "ImmunizationRecommendation.recommendation": (
        ("imr-1", "Give vaccineCode or targetDisease.", lambda v, r: has(v, "vaccineCode", "targetDisease")),
    ),
    "InsurancePlan": (("ipn-1", "Give an identifier or a name.", lambda v, r: has(v, "identifier", "name")),),
    "Linkage": (("lnk-1", "A linkage joins at least two items.", lambda v, r: count(v, "item") > 1),),
    "List": (
        (
            "lst-1",
            "emptyReason is only for a list without entries.",
            lambda v, r: not (has(v, "emptyReason") and has(v, "entry")),
        ),
        (
            "lst-2",
            "deleted is only for a list whose mode is changes.",
            lambda v, r: v.get("mode") == "changes" or not any(has(e, "deleted") for e in v.get("entry", ())),
        ),
        (
            "lst-3",
            "An entry's date is only for a list whose mode is working.",
            lambda v, r: v.get("mode") == "working" or not any(has(e, "date") for e in v.get("entry", ())),
        ),
    ),
    "MeasureReport": (
        (
            "mrp-1",
            "A data-collection report has no groups.",
            lambda v, r: v.get("type") != "data-collection" or not has(v, "group"),
        ),
        (
            "mrp-2",
            "A stratum has a value or components, not both.",
            lambda v, r: all(
                has(s, "value") != has(s, "component")
                for g in v.get("group", ())
                for t in g.get("stratifier", ())
                for s in t.get("stratum", ())
            ),
        ),
    ),
    "MedicationAdministration.dosage": (
        ("mad-1", "A dosage needs a dose or a rate.", lambda v, r: has(v, "dose") or choice(v, "rate") is not None),
    ),
    "MedicationDispense": (
        (
            "mdd-1",
            "whenHandedOver must not be before whenPrepared.",
            lambda v, r: not is_after(v.get("whenPrepared"), v.get("whenHandedOver")),
        ),
    ),
    "MolecularSequence": (("msq-3", "coordinateSystem is 0 or 1.", lambda v, r: v.get("coordinateSystem") in (0, 1)),),
    "MolecularSequence.referenceSeq": (
        (
            "msq-5",
            "Give chromosome and genomeBuild together.",
            lambda v, r: has(v, "chromosome") == has(v, "genomeBuild"),
        ),
        (
            "msq-6",
            "Give exactly one of genomeBuild, referenceSeqId, referenceSeqPointer and referenceSeqString.",
            lambda v, r: count(v, "genomeBuild", "referenceSeqId", "referenceSeqPointer", "referenceSeqString") == 1,
        ),
    ),
    "Observation": (
        (
            "obs-6",
            "dataAbsentReason is only for an observation without a value.",
            lambda v, r: "dataAbsentReason" not in v or choice(v, "value") is None,
        ),
        ("obs-7", "A component must not have the observation's own code when that has a value.", _component_differs),
    ),
    "Observation.referenceRange": (
        ("obs-3", "A reference range needs low, high or text.", lambda v, r: has(v, "low", "high", "text")),
    ),
    "Organization": (
        ("org-1", "Give an identifier or a name.", lambda v, r: has(v, "identifier", "name")),
        _not_home("org-2", "address"),
        _not_home("org-3", "telecom"),
    ),
    "Patient.contact": (
        (
            "pat-1",
            "A contact needs a name, telecom, address or organization.",
            lambda v, r: has(v, "name", "telecom", "address", "organization"),
        ),
    ),
    "Questionnaire": (
        ("que-2", "Every linkId must be different.", lambda v, r: is_distinct(_link_ids(v.get("item")))),
    ),
    "Questionnaire.item": (
        ("que-1", "A group has items, a display has none.", _question_item),
        ("que-3", "A display has no code.", lambda v, r: v.get("type") != "display" or not has(v, "code")),
        (
            "que-4",
            "Use answerOption or answerValueSet, not both.",
            lambda v, r: not (has(v, "answerOption") and has(v, "answerValueSet")),
        ),
        (
            "que-5",
            "This type of item has no answer options.",
            lambda v, r: v.get("type") in _OPTION_TYPES or not has(v, "answerOption", "answerValueSet"),
        ),
        (
            "que-6",
            "A display has neither required nor repeats.",
            lambda v, r: v.get("type") != "display" or not has(v, "required", "repeats"),
        ),
        (
            "que-8",
            "A group or display has no initial value.",
            lambda v, r: v.get("type") not in ("group", "display") or not has(v, "initial"),
        ),
        ("que-9", "A display is not readOnly.", lambda v, r: v.get("type") != "display" or not has(v, "readOnly")),
        (
            "que-10",
            "This type of item has no maxLength.",
            lambda v, r: v.get("type") in _LENGTH_TYPES or not has(v, "maxLength"),
        ),
        (
            "que-11",
            "Use answerOption or initial, not both.",
            lambda v, r: not (has(v, "answerOption") and has(v, "initial")),
        ),
        (
            "que-12",
            "More than two enableWhen need an enableBehavior.",
            lambda v, r: count(v, "enableWhen") <= 2 or has(v, "enableBehavior"),
        ),
        (
            "que-13",
            "Only a repeating item has several initial values.",
            lambda v, r: v.get("repeats") is True or count(v, "initial") <= 1,
        ),
    ),
    "Questionnaire.item.enableWhen": (
        (
            "que-7",
            "The operator exists compares with answerBoolean.",
            lambda v, r: v.get("operator") != "exists" or has(v, "answerBoolean"),
        ),
    ),
    "QuestionnaireResponse.item": (
        (
            "qrs-1",
            "Nest items below the answer or below the item, not both.",
            lambda v, r: not (has(v, "answer") and has(v, "item")),
        ),
    ),
    "RequestGroup.action": (
        ("rqg-1", "Give a resource or actions, not both.", lambda v, r: has(v, "resource") != has(v, "action")),
    ),
    "RiskAssessment.prediction": (
        (
            "ras-1",
            "A probability range is in percent.",
            lambda v, r: all(_percent(v.get("probabilityRange", {}).get(end)) for end in ("low", "high")),
        ),
        ("ras-2", "A probability is at most 100.", lambda v, r: v.get("probabilityDecimal", 0) <= 100),
    ),
    "ServiceRequest": (
        ("prr-1", "orderDetail needs a code.", lambda v, r: not has(v, "orderDetail") or has(v, "code")),
    ),
}
