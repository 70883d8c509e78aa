"""Every link of the served site, by linkchecker; links to other hosts are looked at, not followed.

linkchecker fetches and reads a page once more for each place on it that a link leads
to. Where that place is there, a link is therefore one to the page alone as it is
served, and none within the page; one that leads nowhere stays, and linkchecker finds it.
"""

from __future__ import annotations

import csv
import functools
import http.server
import io
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, SoupStrainer

CONFIG = """\
[AnchorCheck]
[checking]
threads=4
maxrequestspersecond=10000
[output]
status=0
log=csv
[csv]
separator=,
parts=parentname,urlname,url,result,warningstring,valid
"""
#: As root, linkchecker becomes "nobody", who may not read the checkout; it then leaves out the anchors without a word.
LINKCHECKER = "import sys, linkcheck.command.linkchecker as program; program.drop_privileges = lambda: None; sys.exit(program.linkchecker())"
#: Hosts of package registries: a reader's company has its own, and pages link to what explains, not to what installs.
#: Put together here, so that no file of ours names one.
REGISTRIES = {".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"))}


ANCHOR = re.compile(r' href="?([^\s">#:?]*)#([^\s">]+)"?')


@functools.cache
def places(page: Path) -> set[str]:
    """What can be led to on a page; nothing where there is none."""
    page = page / "index.html" if page.is_dir() else page
    return set(re.findall(r'\bid="?([^\s">]+)', page.read_text("utf-8"))) if page.is_file() else set()


def without_anchors(page: Path) -> str:
    """The page without the places that its links lead to, where they are there, and without such links to itself."""

    def shorter(link: re.Match[str]) -> str:
        if link[2] not in places((page.parent / link[1]).resolve() if link[1] else page):
            return link[0]
        return f' href="{link[1]}"' if link[1] else ""

    return ANCHOR.sub(shorter, page.read_text("utf-8"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word, and lets linkchecker ask as fast as it can."""

    def send_head(self) -> io.BytesIO | Any:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() and self.path.partition("#")[0].endswith("/") else path
        if path.suffix != ".html" or not path.is_file():
            return super().send_head()
        body = without_anchors(path).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def end_headers(self) -> None:
        self.send_header("LinkChecker", "welcome")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder at an address of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def problems(site: Path, folder: Path, *options: str) -> tuple[set[str], list[dict[str, str]]]:
    """(pages that links led to, one row per broken link or anchor), from the first page on."""
    config = folder / "linkchecker.ini"
    config.write_text(CONFIG)
    with served(site) as address:
        done = subprocess.run(
            [sys.executable, "-c", LINKCHECKER, "--config", str(config), "--verbose", *options, address],
            capture_output=True, text=True, timeout=600, cwd=folder,
        )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    rows = list(csv.DictReader(line for line in done.stdout.splitlines() if not line.startswith("# ")))
    assert rows, done.stdout + done.stderr
    return {urllib.parse.urlsplit(row["url"]).path for row in rows}, [row for row in rows if row["valid"] != "True" or row["warningstring"]]


@pytest.mark.long
def test_no_link_and_no_anchor_is_broken(site: Path, tmp_path: Path) -> None:
    reached, broken = problems(site, tmp_path)
    pages = {f"/{path.parent.relative_to(site)}/".replace("/./", "/") for path in site.rglob("index.html")}
    assert pages <= reached, f"no link leads to {', '.join(sorted(pages - reached))}"
    assert not broken, "\n".join(f"{row['parentname']} links to {row['urlname']}: {row['result']} {row['warningstring']}" for row in broken)


@pytest.mark.long
def test_a_broken_link_and_a_broken_anchor_are_found(site: Path, tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    page = copy / "index.html"
    planted = '<a href="not-there/">a</a><a href="#not-there">b</a><a href="start/quickstart/#not-there-either">c</a>'
    page.write_text(page.read_text("utf-8").replace("</article>", planted + "</article>"), "utf-8")
    _, broken = problems(copy, tmp_path, "--recursion-level=1")
    assert sorted(row["urlname"] for row in broken) == ["#not-there", "not-there/", "start/quickstart/#not-there-either"]


def test_only_links_to_places_that_are_there_are_taken_out(tmp_path: Path) -> None:
    for name, text in {
        "y": '<h2 id="a">A<a href="#a">1</a></h2><a href=#a>2</a><a href="#b">3</a><a href="../x/#c">4</a><a href=../x/#a>5</a><a href="../z/#c">6</a>',
        "x": "<h2 id=c>C</h2>",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(text)
    assert without_anchors(tmp_path / "y" / "index.html") == (
        '<h2 id="a">A<a>1</a></h2><a>2</a><a href="#b">3</a><a href="../x/">4</a><a href=../x/#a>5</a><a href="../z/#c">6</a>'
    )


def external(site: Path) -> Iterator[tuple[Path, str]]:
    for page in sorted(site.rglob("*.html")):
        for link in BeautifulSoup(page.read_text("utf-8"), "html.parser", parse_only=SoupStrainer("a")).select("a[href]"):
            if urllib.parse.urlsplit(str(link["href"])).scheme:
                yield page.relative_to(site), str(link["href"])


def test_links_to_other_hosts_are_encrypted_and_lead_to_no_registry(site: Path) -> None:
    found = list(external(site))
    assert found, "the pages name their sources"
    for page, address in found:
        parts = urllib.parse.urlsplit(address)
        assert parts.scheme == "https", f"{page}: {address}: write https"
        assert parts.hostname not in REGISTRIES, f"{page}: {address} is a package registry; link to the project instead"
