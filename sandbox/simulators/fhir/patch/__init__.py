"""The forms of PATCH (R4, RESTful API, patch): JSON Patch, merge patch, FHIRPath Patch, and what they leave empty."""
