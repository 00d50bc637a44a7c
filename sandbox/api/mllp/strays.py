"""Messages on the shared port that name no receiver there is: kept, as they belong to no playground."""

from sandbox import limits
from sandbox.record.writer import Statement


def insert_stray(at: str, receiver: tuple[str, str], content: bytes) -> list[Statement]:
    """Return the statements that keep one, and let the oldest go past `limits.STRAY_MESSAGES`."""
    return [
        (
            "INSERT INTO stray_messages (at, application, facility, body) VALUES (?, ?, ?, ?)",
            (at, receiver[0][:180], receiver[1][:180], content),
        ),
        (
            "DELETE FROM stray_messages WHERE id <= (SELECT MAX(id) FROM stray_messages) - ?",
            (limits.STRAY_MESSAGES,),
        ),
    ]
