"""For integration tests: a typed client and a pytest plugin."""
