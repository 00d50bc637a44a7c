"""A hospital on a laptop for AI agents: simulated healthcare systems, recorded and scored."""

__version__ = "0.1.0"
