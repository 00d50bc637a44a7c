"""What is built in: the simulators, the checks beside theirs, and who judges LLM tasks. Knows no server."""

from sandbox.llm_tasks.checks import LLM_TASK
from sandbox.llm_tasks.tasks.from_files import definition_problems
from sandbox.runs.registry import Registry
from sandbox.simulators.base import Simulator
from sandbox.simulators.fhir import FhirSimulator
from sandbox.simulators.files import FilesSimulator
from sandbox.simulators.hl7 import Hl7Simulator
from sandbox.simulators.portal import PayerSimulator
from sandbox.simulators.x12 import ClearinghouseSimulator


def create_registry() -> Registry:
    """Return the registry of everything that is built in."""
    simulators: list[Simulator] = [
        FhirSimulator(),
        Hl7Simulator(),
        FilesSimulator(),
        PayerSimulator(),
        ClearinghouseSimulator(),
    ]
    return Registry(simulators, checks=[LLM_TASK], llm_task_problems=definition_problems)
