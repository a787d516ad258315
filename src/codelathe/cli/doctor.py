"""`lathe doctor`: what this machine can do, and how to mend what it cannot."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from typing import Any

import click

from codelathe.cli.console import Output, output_options

FAILED = 1
_PACKAGES = ("xllamacpp", "openvino-genai", "huggingface_hub", "fastapi")
_KEYS = ("OPENAI_API_KEY", "HUGGINGFACE_API_KEY", "HF_TOKEN")


@click.command(short_help="Say what this machine can do, and how to mend what it cannot.")
@output_options
def doctor(as_json: bool, quiet: bool) -> int:
    """Check isolation, languages, engines, models, keys and disk of this machine.

    Each missing part comes with the command that mends it. The isolation tier is found by
    doing the real thing in a child process, not by reading settings. Exit code 1 where
    nothing could be proved here, because code cannot be isolated.

    \b
    lathe doctor
    lathe doctor --json
    """
    output = Output(as_json, quiet)
    report = examine()
    if output.json:
        output.document(report)
    else:
        _show(report, output)
    return 0 if report["isolation"]["tier"] else FAILED


def examine() -> dict[str, Any]:
    """Everything `doctor` knows, as plain JSON values."""
    from codelathe.engines.secrets import setting
    from codelathe.judge import isolation_report
    from codelathe.judge.languages import TOOLCHAINS
    from codelathe.wiring import open_store

    isolation = isolation_report()
    store = open_store()
    usage = shutil.disk_usage(store.home if store.home.exists() else store.home.anchor)
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "isolation": {
            "tier": isolation.tier,
            "features": [
                {"name": f.name, "ok": f.ok, "detail": f.detail, "fix": f.fix}
                for f in isolation.features
            ],
        },
        "languages": {name: _language(name) for name in TOOLCHAINS},
        "packages": {name: _version(name) for name in _PACKAGES},
        "keys": {name: bool(setting(name)) for name in _KEYS},
        "store": {
            "home": str(store.home),
            "free_bytes": usage.free,
            "models": [m.name for m in store.installed()],
        },
    }


def _language(name: str) -> dict[str, str]:
    """What compiles or runs a language here, or how to get it."""
    from codelathe.core.errors import LanguageError
    from codelathe.judge.languages import toolchain

    found = toolchain(name)
    if isinstance(found, LanguageError):
        return {"toolchain": "", "fix": found.hint}
    return {"toolchain": found.version, "fix": ""}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _show(report: dict[str, Any], output: Output) -> None:
    from rich.markup import escape

    from codelathe.cli.progress import human_bytes

    screen = output.screen()
    isolation = report["isolation"]
    screen.print(f"[bold]Python[/bold] {report['python']}, {escape(report['system'])}")
    screen.print(f"  {report['cores']} cores, {human_bytes(report['memory_bytes'])} of memory")
    if isolation["tier"]:
        screen.print(f"[bold]Isolation[/bold] tier [green]{isolation['tier']}[/green]")
    else:
        screen.print("[bold]Isolation[/bold] [red]none: nothing can be proved here[/red]")
    for feature in isolation["features"]:
        mark = "[green]✓[/green]" if feature["ok"] else "[red]✗[/red]"
        detail = f" [dim]{escape(feature['detail'])}[/dim]" if feature["detail"] else ""
        screen.print(f"  {mark} {escape(feature['name'])}{detail}")
        if feature["fix"]:
            screen.print(f"    [cyan]fix:[/cyan] {escape(feature['fix'])}")
    screen.print("[bold]Languages[/bold]")
    for name, found in report["languages"].items():
        screen.print(f"  {name} {escape(found['toolchain']) or '[dim]not installed[/dim]'}")
        if found["fix"]:
            screen.print(f"    [cyan]fix:[/cyan] {escape(found['fix'])}")
    screen.print("[bold]Packages[/bold]")
    for name, found in report["packages"].items():
        screen.print(f"  {name} {found or '[dim]not installed[/dim]'}")
    screen.print("[bold]Keys[/bold]")
    for name, found in report["keys"].items():
        screen.print(f"  {name} {'set' if found else '[dim]not set[/dim]'}")
    _show_store(report["store"], output)


def _show_store(store: dict[str, Any], output: Output) -> None:
    from rich.markup import escape

    from codelathe.cli.progress import human_bytes

    screen = output.screen()
    screen.print(f"[bold]Store[/bold] {escape(store['home'])}")
    screen.print(f"  {human_bytes(store['free_bytes'])} free")
    for name in store["models"]:
        screen.print(f"  {escape(name)}")
    if not store["models"]:
        screen.print("  [dim]no model yet:[/dim] lathe models pull qwen2.5-coder-1.5b")
