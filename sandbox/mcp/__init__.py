"""The doors for tools: the Model Context Protocol over the same handlers as HTTP.

`agent.py` is a started task run's set of tools, `organization.py` that of who holds the organization key; `inside.py`
makes a request of a tool's call, `protocol.py` speaks the protocol, `routes.py` is where both doors stand and
`bridge.py` what carries them to standard input and output. The SDK (the extra `mcp`) is imported where it is needed.
"""
