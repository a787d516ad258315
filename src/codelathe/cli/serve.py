"""`lathe serve`: the HTTP service on loopback."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import Output, output_options
from codelathe.core.errors import MissingDependency, UsageError

if TYPE_CHECKING:
    import uvicorn

APP = "codelathe.server.app:app"
#: Seconds that requests under way get to end when the service is told to.
GRACE = 10
#: Connections at a time; more are answered with 503.
MAX_CONNECTIONS = 128


@click.command(short_help="Serve code with its proof over HTTP, on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535),
    help="0 takes a free one.",
)  # fmt: skip
@output_options
def serve(host: str, port: int, as_json: bool, quiet: bool) -> int:
    """Serve POST /generate-code/{backend}/ and /explain-code/{backend}/ until Ctrl-C.

    The backend is openai, huggingface or local. Keys come from the environment or .env:
    OPENAI_API_KEY, HUGGINGFACE_API_KEY or HF_TOKEN. With --json the first line printed is
    {"url": ...}, once the service answers there.

    \b
    lathe serve
    curl http://127.0.0.1:8000/generate-code/local/ -H 'Content-Type: application/json' \\
        -d '{"prompt": "Reverse a string.", "example_inputs": ["'\\''ab'\\''"],
             "example_outputs": ["'\\''ba'\\''"]}'
    """
    output = Output(as_json, quiet)
    listener = _listen(_loopback(host), port)
    with listener:
        address, bound = listener.getsockname()[:2]
        url = f"http://{f'[{address}]' if ':' in address else address}:{bound}"
        _server(output, url).run(sockets=[listener])
    return 0


def _loopback(host: str) -> str:
    """`host` as an address of loopback."""
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise UsageError(
            f"--host {host!r} is no address", hint="lathe serve --host 127.0.0.1", field="host"
        ) from None
    if not address.is_loopback:
        raise UsageError(
            f"--host {host} would let other machines in, and this release has no way to tell "
            "who asks",
            hint="serve on 127.0.0.1, and reach it through a tunnel: "
            "ssh -L 8000:127.0.0.1:8000 THIS-MACHINE",
            field="host",
        )
    return str(address)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="choose another port, or 0 for a free one: lathe serve --port 0",
            field="port",
        ) from None


def _server(output: Output, url: str) -> uvicorn.Server:
    try:
        import fastapi  # noqa: F401 (asked for here, where its absence can be said well)
        import uvicorn
    except ImportError as error:
        raise MissingDependency(error.name or "uvicorn", "server", "lathe serve") from None

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if output.json:
                output.document({"url": url})
            output.say(f"serving on {url}  (Ctrl-C ends it)")

    return Announcing(
        uvicorn.Config(
            APP,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
        )
    )
