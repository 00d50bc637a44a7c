"""What holds for every test."""

import os

from tests.own_ports import OWN_PORTS

os.environ.update(OWN_PORTS)
