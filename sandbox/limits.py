"""Every limit of the server, named once. Past one, the answer is a 4xx that names it."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

REQUEST_BODY_BYTES: Final = 16 * MIB
FILE_BYTES: Final = 64 * MIB
FILE_TREE_BYTES: Final = 512 * MIB
FILE_PATH_CHARS: Final = 1024
BUNDLE_ENTRIES: Final = 1_000
SEARCH_COUNT_MAX: Final = 1_000
SEARCH_RESULTS: Final = 10_000
INCLUDE_DEPTH: Final = 3
CHAIN_DEPTH: Final = 3
HL7_MESSAGE_BYTES: Final = 1 * MIB
HL7_SEGMENTS: Final = 10_000
JSON_DEPTH: Final = 64
ACTIVE_PLAYGROUNDS: Final = 1_000
LOGIN_ATTEMPTS_PER_MINUTE: Final = 10
EVENTS_PER_TASK_RUN: Final = 100_000
INLINE_BODY_BYTES: Final = 64 * KIB
PAGE_LIMIT_DEFAULT: Final = 20
PAGE_LIMIT_MAX: Final = 100
RUN_TOKEN_LIFETIME_S: Final = 24 * 3600
