"""Chromium on the built site: serves a folder on loopback, opens its pages, records what was fetched.

The server compresses nothing and counts what it sent, so that a page's weight holds
also for what no page script can see (workers, icons). No name but 127.0.0.1 resolves.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.lab import programs

#: WCAG 2.0 to 2.2, levels A and AA, as axe-core names them.
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: Rules beyond these levels that the theme keeps too: text has a contrast of 7:1.
STRICTER = ["color-contrast-enhanced"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sent: list[Path]

    def send_head(self) -> Any:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if path.exists():
            self.server.sent.append(path)  # type: ignore[attr-defined]
        return super().send_head()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: a test's output is for its failures."""


class Site:
    """A folder served on a free port of 127.0.0.1. ``sent`` lists the files fetched, in order."""

    def __init__(self, folder: Path) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self._server.daemon_threads = True
        self.sent: list[Path] = []
        self._server.sent = self.sent  # type: ignore[attr-defined]
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def weights(self) -> list[tuple[str, int]]:
        """Name and bytes, with gzip -9, of each response since ``sent`` was cleared."""
        return [(path.name, _compressed(path, path.stat().st_mtime_ns)) for path in self.sent]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class View:
    """One page in one context of its own. ``foreign`` and ``errors`` fill while it is open."""

    def __init__(
        self, browser: Browser, site: Site, *, scheme: str = "light", width: int = 1280, height: int = 800, javascript: bool = True, forced: bool = False
    ) -> None:
        self._site = site
        self.context: BrowserContext = browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            reduced_motion="reduce",
            forced_colors="active" if forced else "none",
        )
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self.context.on("request", lambda request: None if request.url.startswith((site.address, "data:")) else self.foreign.append(request.url))
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, url: str, *, quiet: bool = False) -> Page:
        """Go to a page of the site; ``quiet``: wait until nothing has been fetched for half a second."""
        self.page.goto(self._site.address + url, wait_until="networkidle" if quiet else "load")
        return self.page

    def axe(self, include: str = "html") -> list[str]:
        """What axe-core finds: one line a violating element, with rule, element and the rule's help."""
        if not self.page.evaluate("typeof axe !== 'undefined'"):
            self.context.add_init_script(_axe_source())  # the pages opened next bring it along
            self.page.evaluate(_axe_source())
        found = self.page.evaluate(
            "([include, tags, extra]) => axe.run(include, {runOnly: {type: 'tag', values: tags}, rules: extra, resultTypes: ['violations']})"
            ".then(result => result.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target}: ${rule.help}`)))",
            [include, WCAG, {rule: {"enabled": True} for rule in STRICTER}],
        )
        return list(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.context.close()


class Views:
    """One view for each look, for what needs no cold start; it remembers nothing from page to page."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser, self._site = browser, site
        self._views: dict[tuple[tuple[str, object], ...], View] = {}

    def __call__(self, **look: object) -> View:
        """The view with this look; its arguments are those of View."""
        key = tuple(sorted(look.items()))
        if key not in self._views:
            view = self._views[key] = View(self._browser, self._site, **look)  # type: ignore[arg-type]
            view.context.add_init_script("localStorage.clear()")
            view.context.grant_permissions(["clipboard-read", "clipboard-write"])
        return self._views[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for view in self._views.values():
            view.context.close()


@functools.cache
def _compressed(path: Path, written: int) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


@functools.cache
def _axe_source() -> str:
    return programs.node_module("axe-core/axe.min.js").read_text("utf-8")


class Chromium:
    """The system's Chromium, without a window."""

    def __enter__(self) -> Browser:
        self._playwright: Playwright = sync_playwright().start()
        try:
            return self._playwright.chromium.launch(executable_path=str(programs.system("chromium-headless-shell")), args=ARGUMENTS)
        except BaseException:
            self._playwright.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._playwright.stop()
