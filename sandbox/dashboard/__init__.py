"""The dashboard: what people look at runs with. Server-rendered pages over the same services and record as the API."""
