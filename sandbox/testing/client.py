"""The typed client, asynchronous and blocking, under the name that users import.

>>> SandboxClient("http://127.0.0.1:8787", solver_key="vrl_slv_local").url
'http://127.0.0.1:8787'
"""

from sandbox.client.client import SandboxClient
from sandbox.client.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ClientError,
    ConflictError,
    InternalServerError,
    InvalidAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ValidationError,
)
from sandbox.client.models import (
    Axis,
    Benchmark,
    BenchmarkRef,
    BenchmarkRun,
    CheckResult,
    CriterionRun,
    Event,
    Playground,
    Sandbox,
    Snapshot,
    Task,
    TaskCompletion,
    TaskRun,
)
from sandbox.client.session import TaskResponse, TaskSession
from sandbox.client.sync import SandboxClientSync, TaskSessionSync

__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AuthenticationError",
    "Axis",
    "Benchmark",
    "BenchmarkRef",
    "BenchmarkRun",
    "CheckResult",
    "ClientError",
    "ConflictError",
    "CriterionRun",
    "Event",
    "InternalServerError",
    "InvalidAnswerError",
    "NotFoundError",
    "PermissionDeniedError",
    "Playground",
    "RateLimitError",
    "Sandbox",
    "SandboxClient",
    "SandboxClientSync",
    "Snapshot",
    "Task",
    "TaskCompletion",
    "TaskResponse",
    "TaskRun",
    "TaskSession",
    "TaskSessionSync",
    "ValidationError",
]
