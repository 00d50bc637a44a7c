"""The HTTP API: who calls, what route, how errors look."""
