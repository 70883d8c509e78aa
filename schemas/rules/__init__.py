"""Rules for the files a reader writes: LiteLLM's configuration, Claude Code's settings.

``check(text, kind, filename)`` is pure: it reads no file, no network and no
environment of its own. What it knows is data: ``rules.yaml`` (what each rule
says and where that comes from), ``words.yaml`` (names the rules look for), the
JSON Schemas in the folder above, and ``known/`` (what the pinned programs read,
dumped from them). ``python -m schemas.rules FILE...`` checks files.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.rules import litellm, settings
from schemas.rules.document import parse
from schemas.rules.report import Finding, Report
from schemas.rules.source import KINDS, Kind, kind_of

__all__ = ["KINDS", "Finding", "check", "kind_of"]


def check(text: str, kind: str, filename: str = "", env: Mapping[str, str] | None = None) -> list[Finding]:
    """Everything wrong with a file's text, in the order of its lines; [] when all is well.

    ``kind`` is one of KINDS; ``filename`` tells whether a settings file is a
    person's, a project's or managed. With ``env``, the environment in which
    LiteLLM will start, names that are not set there are errors.
    Values of credentials are never part of a message.
    """
    of = Kind(kind, filename)
    report = Report(of)
    document = parse(text, of.language, report)
    if document is not None:
        report.lines = document.lines
        (litellm if of.program == "litellm" else settings).check(document, report, env)
    return report.findings()
