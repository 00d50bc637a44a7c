"""The agent's side of the wire: a typed client for the v1 API and the organization's read API.

It speaks HTTP only and knows nothing of the server's code, so it drives a server in the same
process, on the same machine or elsewhere alike. Users import it from `sandbox.testing.client`.
"""
