"""What a `Files` simulator of an environment may be configured with."""

from typing import Final

from pydantic import Field, field_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.simulators.files.sftp.host_key import normal_public_key

USERNAME_PREFIX: Final = "partner_"


class FilesConfig(StrictModel):
    """Configuration of the file drop: who, beside the password, opens it over SFTP."""

    authorized_keys: list[str] = Field(default_factory=list, max_length=20)

    @field_validator("authorized_keys")
    @classmethod
    def _are_keys(cls, lines: list[str]) -> list[str]:
        return [normal_public_key(line) for line in lines]
