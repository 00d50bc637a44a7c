"""The file drop over SFTP: one port, a user of its own for every sandbox, the tree that HTTP serves.

Each operation is the HTTP route's own interaction (`calls.py`), recorded as the same request with `via: sftp`.
`listener.py` opens the port and imports asyncssh with the first connection; `server.py` and `session.py` need it.
"""
