"""The servers that tests start run side by side: none takes a port by its usual number."""

from typing import Final

OWN_PORTS: Final = {"SANDBOX_MLLP_PORT": "0", "SANDBOX_SFTP_PORT": "0"}
