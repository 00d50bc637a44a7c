"""An agent with `pydantic-ai` over the Model Context Protocol: the task's own tools are all it has."""

import asyncio
import os
import sys

from pydantic_ai import Agent, UsageLimits
from pydantic_ai.mcp import MCPToolset

REQUESTS_MAX = 40
PROMPT = "Do your task. Read it first, and end with task_complete, which takes the answer where one is wanted."


async def main() -> None:
    """Do the task whose tools are at MCP_URL."""
    tools = MCPToolset(os.environ["MCP_URL"], include_instructions=True, max_retries=5, init_timeout=60)
    agent = Agent(f"openai-chat:{os.environ['MODEL']}", toolsets=[tools])
    result = await agent.run(PROMPT, usage_limits=UsageLimits(request_limit=REQUESTS_MAX))
    print(result.output, file=sys.stderr)  # the answer has gone to task_complete


asyncio.run(main())
