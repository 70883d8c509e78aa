"""Leaves out of the site's style sheets what no page of it can use.

The theme serves every site: of its style sheets, this one uses less than half.
A rule stays when every class, id, element and attribute its selector needs
stands in a page or as a word in a script, so that what a script adds later
keeps its look. What a selector says inside ``:not()``, ``:is()`` and the like
is never a reason to drop it. tests/test_css.py looks on every page for what was
left out, and compares pictures of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from macros.ledger import BookError

TOKEN = re.compile(r"""/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\.|[{};()\[\],]|[^\\"'{};()\[\],/]+|.""", re.DOTALL)
NEEDS = re.compile(
    r"""\[\s*([\w-]+)\s*(?:[~|^$*]?=\s*["']?([^"'\]]*?)["']?\s*(?:[is]\s*)?)?\]"""  # 1 attribute, 2 its value
    r"""|\.((?:[\w-]|\\.)+)|\#((?:[\w-]|\\.)+)|(::?[\w-]+)|([a-zA-Z][\w-]*)|\\.|."""  # 3 class, 4 id, 5 pseudo, 6 element
)
TAG = re.compile(r"<([a-zA-Z][\w-]*)([^>]*)>")
ATTRIBUTE = re.compile(r'([\w:-]+)(?:="([^"]*)")?')
WORD = re.compile(r"[A-Za-z_][\w-]*")
#: The beginning of a name that a script completes, as in `tab--${side}` and "tab--" + side.
BEGINNING = re.compile(r"""([A-Za-z_][\w-]*-)(?:\$\{|["'`])""")
#: Attributes a browser or a reader changes.
CHANGED = {"open", "hidden", "checked", "disabled", "inert"}
#: Attributes no script of this site changes.
FIXED = {"dir", "lang"}
#: Rules inside of which stand rules.
GROUPS = ("@media", "@supports", "@layer", "@container")


@dataclass
class Used:
    """What stands in the pages and scripts of a site."""

    words: set[str] = field(default_factory=set)
    beginnings: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    elements: set[str] = field(default_factory=lambda: {"html", "body"})
    attributes: dict[str, set[str]] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)

    def page(self, source: str) -> None:
        """Take in a page as macros/html.py writes it: values in double quotes, no ``>`` in them."""
        for element, attributes in TAG.findall(source):
            self.elements.add(element)
            for name, value in ATTRIBUTE.findall(attributes):
                self.attributes.setdefault(name, set()).add(value)
        self.classes.update(word for value in self.attributes.get("class", ()) for word in value.split())
        self.ids.update(self.attributes.get("id", ()))
        self.text += re.findall(r"var\(\s*(--[\w-]+)", source)

    def script(self, source: str) -> None:
        self.words.update(WORD.findall(source))
        self.beginnings.update(BEGINNING.findall(source))
        self.text += re.findall(r"--[\w-]+", source)

    def may_match(self, selector: str) -> bool:
        """Whether a selector (one, without commas outside of brackets) can match something."""
        for match in NEEDS.finditer(_without_arguments(selector)):
            attribute, value, name, identity, _, element = match.groups()
            if attribute and attribute not in CHANGED:
                known = self.attributes.get(attribute, set())
                if not known and attribute not in self.words:
                    return False
                exact = value is not None and "=" in match.group() and match.group()[match.group().index("=") - 1] not in "~|^$*"
                if exact and attribute != "class" and value not in known and (attribute in FIXED or not {attribute, value} <= self.words):
                    return False
            for word, known in ((name, self.classes), (identity, self.ids), (element, self.elements)):
                if word and word.replace("\\", "") not in known and word not in self.words and not word.startswith(tuple(self.beginnings)):
                    return False
        return True


def _without_arguments(selector: str) -> str:
    """A selector without what stands in parentheses."""
    depth, kept = 0, []
    for token in TOKEN.findall(selector):
        depth += token == "("
        if depth == 0:
            kept.append(token)
        depth -= token == ")"
    return "".join(kept)


def split(source: str, separator: str) -> list[str]:
    """Parts between separators that stand in no bracket and no string."""
    depth, parts = 0, [""]
    for token in TOKEN.findall(source):
        depth += token in "([" if len(token) == 1 else 0
        depth -= token in ")]" if len(token) == 1 else 0
        if token == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _rules(source: str) -> Iterator[tuple[str, str | None]]:
    """(prelude, body) of each rule of a level; a statement such as ``@import`` has no body."""
    depth, prelude, body = 0, "", ""
    for token in TOKEN.findall(source):
        if token.startswith("/*"):
            continue
        if token == "{":
            depth += 1
            if depth == 1:
                continue
        elif token == "}":
            depth -= 1
            if depth < 0:
                break
            if depth == 0:
                yield prelude.strip(), body
                prelude = body = ""
                continue
        elif token == ";" and depth == 0:
            yield prelude.strip(), None
            prelude = ""
            continue
        if depth:
            body += token
        else:
            prelude += token
    if depth != 0 or prelude.strip():
        raise BookError(f"macros/css.py cannot read a style sheet to its end: {(prelude or body).strip()[:60]!r}; it has a bracket too much or too little")


def each_rule(source: str, change: Callable[[str, str], str | None]) -> str:
    """Each plain rule through ``change(prelude, body)``, which returns the rule or None; groups that end up empty go."""
    parts = []
    for prelude, body in _rules(source):
        if body is None:
            parts.append(f"{prelude};")
        elif prelude.startswith(GROUPS):
            inner = each_rule(body, change)
            if inner:
                parts.append(f"{prelude}{{{inner}}}")
        else:
            parts.append(change(prelude, body) or "")
    return "".join(parts)


def prune(sheets: dict[str, str], used: Used) -> dict[str, str]:
    """The style sheets of a site, in the order pages load them, without what it cannot use."""

    def selectors(prelude: str, body: str) -> str | None:
        if prelude.startswith("@"):
            return f"{prelude}{{{body.strip()}}}"
        kept = [selector.strip() for selector in split(prelude, ",") if used.may_match(selector)]
        declarations = ";".join(re.sub(r"^([\w-]+): ", r"\1:", re.sub(r"\s+", " ", part).strip()) for part in split(body, ";") if part.strip())
        return f"{','.join(kept)}{{{declarations}}}" if kept and declarations else None

    sheets = {name: each_rule(source, selectors) for name, source in sheets.items()}
    while True:  # a variable that was only needed by another goes with it
        everything = "".join(sheets.values())
        needed = {*re.findall(r"var\(\s*(--[\w-]+)", everything), *used.text}
        moving = set(re.findall(r"[\w-]+", " ".join(re.findall(r"animation(?:-name)?\s*:([^;}]*)", everything))))

        def variables(prelude: str, body: str, needed: set[str] = needed, moving: set[str] = moving) -> str | None:
            if "keyframes" in prelude.split(" ")[0]:
                return f"{prelude}{{{body}}}" if prelude.split(" ")[-1] in moving else None
            kept = [part for part in split(body, ";") if not part.startswith("--") or part.partition(":")[0].strip() in needed]
            return f"{prelude}{{{';'.join(kept)}}}" if kept else None

        smaller = {name: each_rule(source, variables) for name, source in sheets.items()}
        if smaller == sheets:
            return sheets
        sheets = smaller


def without_remark(source: str) -> str:
    """A script without the remark at its beginning, which is for who edits it."""
    return re.sub(r"\A/\*(?!!).*?\*/\s*", "", source, flags=re.DOTALL)


def write(site: Path) -> None:
    """Prune the style sheets of a built site in place, and the remarks of its own scripts."""
    used = Used()
    for page in sorted(site.rglob("*.html")):
        used.page(page.read_text("utf-8"))
    for script in sorted(site.glob("assets/**/*.js")):
        if "lunr" not in script.parts:  # word lists of the search
            used.script(script.read_text("utf-8"))
    for script in sorted(site.glob("assets/*.js")):  # the theme's are in folders
        script.write_text(without_remark(script.read_text("utf-8")), "utf-8")
    paths = sorted(site.glob("assets/**/*.css"), key=lambda path: (path.parent.name != "stylesheets", path.name))
    if not paths or not used.classes:
        raise BookError("macros/css.py: the built site has no style sheet, or no page; see on_post_build in macros/hook.py")
    for path, source in zip(paths, prune({str(path): path.read_text("utf-8") for path in paths}, used).values(), strict=True):
        path.write_text(source + "\n", "utf-8")
