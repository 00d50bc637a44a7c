"""The wire, and nothing but the wire: addresses, requests to calls, results to JSON. Rules live in the rooms below."""
