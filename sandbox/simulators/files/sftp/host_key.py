"""The server's host key: made once for a data directory, so that a client's `known_hosts` stays right."""

import base64
import hashlib
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from sandbox.private_file import write_private

FILE_NAME: Final = "sftp_host_key"


def read_host_key(directory: Path) -> bytes:
    """Return a data directory's host key in OpenSSH's format; make it when missing. Raises `ValueError`, `OSError`."""
    file = directory / FILE_NAME
    if not file.exists():
        key = Ed25519PrivateKey.generate()
        write_private(file, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    text = file.read_bytes()
    public_line(text)
    return text


def public_line(private: bytes) -> str:
    """Return the public half of a key as a line of `known_hosts` has it: type and base64. Raises `ValueError`."""
    try:
        key = load_ssh_private_key(private, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"it is no private key of OpenSSH's: {error}") from error
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def fingerprint(line: str) -> str:
    """Return the SHA-256 fingerprint of a public key, as `ssh-keygen -l` prints it.

    >>> fingerprint("ssh-ed25519 AAAA")
    'SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw'
    """
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def normal_public_key(line: str) -> str:
    """Return a public key as type and base64, without options or comment. Raises `ValueError` for anything else."""
    try:
        key = load_ssh_public_key(line.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError('a public key is written as in a .pub file: "ssh-ed25519 AAAA… comment"') from error
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
