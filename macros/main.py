"""The macros a page may call. Anything else in ``{{ }}`` stops the build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def define_env(env: Any) -> None:
    """Register the macros with mkdocs-macros (and with Zensical's twin of it)."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from macros import checklist, evidence, ledger, reference, render

    book = ledger.load()

    @env.macro
    def snippet(block_id: str) -> str:
        """The block ``path[#region][@rendering]`` with its badge."""
        return render.block(book, block_id)

    @env.macro
    def tabs(*block_ids: str) -> str:
        """Several blocks as tabs, labelled by the ledger's ``tab``."""
        return render.tabs(book, block_ids)

    @env.macro
    def fact(path: str) -> str:
        """A value from ``snippets/facts``, as inline code."""
        return render.inline(book.fact(path))

    @env.macro
    def value(path: str) -> str:
        """A value from ``snippets/facts``, as plain text."""
        return str(book.fact(path))

    @env.macro
    def line(block_id: str, containing: str) -> str:
        """The one line of a block that contains a text, as inline code."""
        return render.inline(render.one_line(book, block_id, containing))

    @env.macro
    def setup() -> str:
        """What stands once on a page with blocks: how to read its badges."""
        return render.setup(book)

    @env.macro
    def credential_warning() -> str:
        """The security warning of every page that shows a credential variable."""
        return render.notice(book, "credential")

    @env.macro
    def third_party_notice(product: str) -> str:
        """The third-party notice; its wording is the specification's (FR-038)."""
        return render.notice(book, "third_party", product)

    @env.macro
    def known_bad(product: str) -> str:
        """Releases of a product that must not be installed, as a table."""
        return render.known_bad(book, product)

    @env.macro
    def advisories(product: str) -> str:
        """What is known and unknown about a product's advisories, as a table."""
        return render.advisories(book, product)

    @env.macro
    def models() -> str:
        """The model names Claude Code asks for, as a table."""
        return render.models(book)

    @env.macro
    def proxy_programs() -> str:
        """Which program honours which proxy and certificate variable, as a table."""
        return render.proxy_programs(book)

    @env.macro
    def evidence_tables() -> str:
        """The ledger as tables: every block, how it is checked, what was seen."""
        return evidence.tables(book)

    @env.macro
    def security_checklist() -> str:
        """Every item of the security checklist, with its check."""
        return checklist.items(book)

    @env.macro
    def scopes() -> str:
        """Where Claude Code's configuration comes from, the strongest first, as a table."""
        return reference.scopes(book)

    @env.macro
    def managed_places() -> str:
        """Where managed settings are, by system, as a table."""
        return reference.managed_places(book)

    @env.macro
    def bypass() -> str:
        """What does not go to the gateway, as a table."""
        return reference.bypass(book)

    @env.macro
    def open_routes() -> str:
        """What LiteLLM answers without a key, as a table."""
        return reference.open_routes(book)

    @env.macro
    def variable_reference() -> str:
        """Every environment variable, by subject, as tables."""
        return reference.variables(book)

    @env.macro
    def settings_reference() -> str:
        """Every settings key, as a table."""
        return reference.settings(book)
