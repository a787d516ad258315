"""`lathe serve` as a process: it announces itself, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from fakes.processes import alive, below, until
from fakes.service import FakeService

LATHE = (sys.executable, "-m", "codelathe")


@contextmanager
def lathe_serve(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, once it answers, and its address."""
    command = [*LATHE, "serve", "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        document = "".join(iter(process.stdout.readline, "}\n")) + "}"
        try:
            yield process, json.loads(document)["url"]
        finally:
            process.kill()


def test_it_serves_on_the_address_that_it_prints() -> None:
    with lathe_serve() as (_, url):
        assert httpx2.get(f"{url}/livez").json()["live"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_130_and_leaves_no_process(number: signal.Signals) -> None:
    with lathe_serve() as (process, url):
        assert httpx2.get(f"{url}/readyz", timeout=30).json()["ready"] is True
        judges = below(process.pid)
        assert judges
        process.send_signal(number)
        assert process.wait(20) == 130
        assert alive(judges) == set()


def test_work_under_way_is_answered_and_ended_at_once(upstream: FakeService) -> None:
    upstream.answer = lambda prompt, body: "word " * 5000
    upstream.pause = 0.01
    body = {"prompt": "Write very much.", "max_tokens": 5000}
    with lathe_serve() as (process, url), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx2.post, f"{url}/generate-code/openai/", json=body, timeout=30)
        until(lambda: upstream.requests)
        process.send_signal(signal.SIGINT)
        assert asked.result().status_code == 503
        assert process.wait(5) == 130


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.com"])
def test_an_address_that_is_not_loopback_is_refused(host: str) -> None:
    command = [*LATHE, "serve", "--host", host]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--host" in done.stderr


def test_a_port_in_use_is_named() -> None:
    with lathe_serve() as (_, url):
        port = url.rpartition(":")[2]
        command = [*LATHE, "serve", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr


def test_uvicorn_runs_the_same_application() -> None:
    command = [sys.executable, "-m", "uvicorn", "codelathe.server.app:app", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "running on" in line)
        url = line.split("running on ")[1].split()[0]
        assert httpx2.get(f"{url}/livez").status_code == 200
        process.send_signal(signal.SIGINT)
        process.stderr.read()
