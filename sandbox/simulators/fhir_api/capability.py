"""What every CapabilityStatement here says alike (R4, CapabilityStatement)."""

from typing import Final

from sandbox.jsonio import Json

DATE: Final = "2026-01-01"


def security(base: str) -> Json:
    """Return `rest.security`: SMART with its token endpoint, and that browsers are answered (CORS)."""
    return {
        "cors": True,
        "service": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                        "code": "SMART-on-FHIR",
                    }
                ]
            }
        ],
        "extension": [
            {
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": [{"url": "token", "valueUri": f"{base}/token"}],
            }
        ],
    }
