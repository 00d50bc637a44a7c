"""The command `mcp`, for the command line to register."""

import sys
from typing import Annotated, Final

import typer

from sandbox.keys import LOCAL_API_KEY
from sandbox.settings import DEFAULT_PORT

_SERVER: Final = f"http://127.0.0.1:{DEFAULT_PORT}"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def mcp(
        task_run: Annotated[
            str | None,
            typer.Option(
                "--task-run",
                help="Offer the tools of this started task run; without, the organization's.",
                envvar="TASK_RUN_ID",
                metavar="ID",
                show_default=False,
            ),
        ] = None,
        url: Annotated[str, typer.Option("--url", help="The server.", envvar="SANDBOX_URL", metavar="URL")] = _SERVER,
        token: Annotated[
            str | None,
            typer.Option("--token", help="The run token, for --task-run.", envvar="RUN_TOKEN", metavar="TOKEN"),
        ] = None,
        api_key: Annotated[
            str, typer.Option("--api-key", help="The organization key.", envvar="SANDBOX_API_KEY", metavar="KEY")
        ] = LOCAL_API_KEY,
    ) -> None:
        """Offer tools over the Model Context Protocol on standard input and output, of a server that runs."""
        try:
            from sandbox.mcp.bridge import Bridge
        except ImportError:
            typer.echo("This needs the extra mcp: pip install 'playground-sandbox[mcp]'.", err=True)
            raise typer.Exit(1) from None
        if task_run is not None and token is None:
            typer.echo("Give the run token with --token, or as RUN_TOKEN.", err=True)
            raise typer.Exit(1)
        root = url.rstrip("/")
        if task_run is None:
            bridge = Bridge(f"{root}/mcp", api_key)
        else:
            bridge = Bridge(f"{root}/v1/task-runs/{task_run}/mcp", token or "")
        bridge.serve(sys.stdin.buffer, sys.stdout.buffer)
