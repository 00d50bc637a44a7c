"""The library `fhir.resources` (its R4B models) as a second, independent validator.

It is slow to import, accepts wrong codes and knows R4B rather than R4, so it decides nothing at run
time: tests compare it with our own validation, and `sandbox check` runs it over seeds.
"""

from collections.abc import Iterator
from typing import Final

from sandbox.jsonio import Json

# Resource types of R4 that R4B removed: nothing to ask about them.
NOT_IN_R4B: Final = frozenset(
    "EffectEvidenceSynthesis MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication "
    "MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured "
    "MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect RiskEvidenceSynthesis "
    "SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial "
    "SubstanceSpecification".split()
)


def second_opinion(resource: Json) -> Iterator[tuple[str, str]]:
    """Yield `(element, message)` for everything `fhir.resources` refuses in a resource."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    name = resource["resourceType"]
    if name in NOT_IN_R4B:
        return
    try:
        get_fhir_model_class(name).model_validate(resource)
    except ValidationError as error:
        for row in error.errors():
            yield ".".join([name, *map(str, row["loc"])]), str(row["msg"])
