"""The one MkDocs hook: calls the engine-neutral functions at the right moment.

With HANDBOOK_PAGES, some files below docs/ separated by spaces, only these
pages are built: in seconds, without what only a whole site can be asked.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.plugins import CombinedEvent, event_priority

ROOT = Path(__file__).resolve().parent.parent
RENDERED = ROOT / "reports" / "rendered"
PAGES = os.environ.get("HANDBOOK_PAGES", "").split()
_command = "build"


def on_startup(command: str, dirty: bool) -> None:
    global _command
    _command = command
    # `--quiet` hides warnings from `strict` too, which then stops at nothing.
    logger = logging.getLogger("mkdocs")
    logger.setLevel(min(logger.level, logging.WARNING))
    if str(ROOT) not in sys.path:  # MkDocs resets the path after it has loaded a hook
        sys.path.insert(0, str(ROOT))


@event_priority(100)
def on_config(config: Any) -> Any:
    """Read all data first, so that a mistake is one message and no traceback."""
    # A live-reload server keeps modules; the next build must read what was edited.
    # The package goes too: it holds its modules as attributes.
    for name in [name for name in sys.modules if name.partition(".")[0] == "macros"]:
        del sys.modules[name]
    from macros import guards
    from macros.ledger import BookError, load

    if PAGES:
        config.nav = None
        config.validation.links.not_found = config.validation.links.anchors = logging.DEBUG  # what leads to the other pages leads nowhere
    try:
        config.extra["book"], config.extra["rows"] = load(), {}
        guards.data(config.extra["book"])
    except BookError as problem:
        raise PluginError(str(problem)) from None
    if _command == "build":
        shutil.rmtree(RENDERED, ignore_errors=True)  # a page that was renamed leaves nothing behind
    return config


def on_files(files: Any, config: Any) -> Any:
    """Leave out the pages that are not asked for."""
    known = {file.src_uri: file for file in files.documentation_pages()}
    unknown = [name for name in PAGES if name not in known]
    if unknown:
        raise PluginError(f"HANDBOOK_PAGES: no page {', '.join(unknown)} below docs/; name pages like patterns/direct.md")
    for name, file in known.items():
        if PAGES and name not in PAGES:
            files.remove(file)
    return files


@event_priority(100)
def _before_macros(markdown: str, page: Any, config: Any, files: Any) -> str:
    from macros import guards
    from macros.ledger import BookError

    source = page.file.content_string
    front_matter = source.removesuffix(markdown)
    try:
        guards.page(config.extra["book"], page.file.src_uri, markdown, front_matter.count("\n") + 1)
    except BookError as problem:
        raise PluginError(str(problem)) from None
    return markdown


@event_priority(-100)
def _after_macros(markdown: str, page: Any, config: Any, files: Any) -> str:
    if _command == "build":
        target = RENDERED / page.file.src_uri
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(markdown, "utf-8")
    return markdown


on_page_markdown = CombinedEvent(_before_macros, _after_macros)


def on_post_page(output: str, page: Any, config: Any) -> str:
    from macros import html
    from macros.ledger import BookError

    try:
        repaired, config.extra["rows"][page.url] = html.page(config.extra["book"], output, page.url, page.file.src_uri)
    except BookError as problem:
        raise PluginError(str(problem)) from None
    return repaired


def on_post_template(output_content: str, template_name: str, config: Any) -> str:
    """The error page is a template without a page; it needs the same repairs."""
    from macros import html
    from macros.ledger import BookError

    if not template_name.endswith(".html"):
        return output_content
    try:
        repaired, config.extra["rows"][template_name] = html.page(config.extra["book"], output_content, "", template_name)
    except BookError as problem:
        raise PluginError(str(problem)) from None
    return repaired


def on_post_build(config: Any) -> None:
    from macros import css, evidence, published
    from macros.ledger import BookError

    site = Path(config.site_dir)
    try:
        evidence.write(config.extra["book"], site, config.extra["rows"], whole=not PAGES)
        css.write(site)
        published.write(config.extra["book"], site)
    except BookError as problem:
        raise PluginError(str(problem)) from None
