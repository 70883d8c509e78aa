"""The choice of a pattern: every combination of answers, the drawing, the older names, the moves."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, SoupStrainer

from macros import choose
from macros.ledger import Book
from tests.handbook import Mistake, assert_stops, replace
from tests.lab.browser import Chromium, View
from tests.lab.browser import Site as Served
from tests.test_shape import built

PATTERNS = ["direct", "proxy", "local-gateway", "local-gateway-proxy", "shared-gateway", "shared-gateway-proxy", "gateway-via-proxy", "dual-proxy"]
#: What the four earlier texts called them, read from these texts and not from our data.
OLDER = {
    "architecture": {
        "Pattern 1": "local-gateway-proxy", "Pattern 2": "shared-gateway-proxy", "Pattern 3": "dual-proxy", "Pattern 4": "proxy",
        "Local Gateway + Proxy": "local-gateway-proxy", "Shared Internal Gateway + Proxy": "shared-gateway-proxy",
        "DMZ Gateway + Dual Proxy": "dual-proxy", "Proxy-Only": "proxy",
    },
    "decision tree": {
        "Pattern A": "direct", "Pattern B": "proxy", "Pattern C": "local-gateway", "Pattern D": "gateway-via-proxy",
        "Direct Provider Access": "direct", "Corporate Proxy": "proxy", "LLM Gateway": "local-gateway", "Corporate Proxy + LLM Gateway": "gateway-via-proxy",
    },
    "comparison": {
        "Pattern 1": "direct", "Pattern 2": "local-gateway", "Pattern 3": "proxy", "Pattern 4": "local-gateway-proxy", "Pattern 5": "shared-gateway",
        "Proxy + Gateway": "local-gateway-proxy", "Shared Enterprise Gateway": "shared-gateway", "Enterprise Gateway": "shared-gateway",
    },
    "specification": {"Pattern 1": "direct", "Pattern 2": "proxy", "Pattern 3": "local-gateway", "Pattern 4": "gateway-via-proxy"},
}  # fmt: skip


def combinations(book: Book) -> Iterator[dict[str, str]]:
    """Every combination of one answer to each criterion."""
    criteria = book.fact("decision_tree.criteria")
    for values in itertools.product(*(criterion["answers"] for criterion in criteria.values())):
        yield dict(zip(criteria, values, strict=True))


# The questions ----------------------------------------------------------------------
def test_the_criteria_are_the_seven(book: Book) -> None:
    """Of the specification's: FR-036; its bands do not overlap and leave nothing out."""
    criteria = book.fact("decision_tree.criteria")
    assert {criterion["requirement"] for criterion in criteria.values()} == {f"ASM{number}" for number in range(1, 8)}
    assert list(criteria["team_size"]["answers"].values()) == ["1 to 9 developers", "10 to 99", "100 or more"]
    assert list(criteria["providers"]["answers"].values()) == ["one", "2 to 4", "5 or more"]


def test_every_combination_of_answers_has_one_outcome(book: Book) -> None:
    """Total, every pattern reachable, at most five questions; the numbers show reachability and weigh nothing."""
    found: Counter[str] = Counter()
    for answers in combinations(book):
        pattern, way = choose.outcome(book, answers)
        assert pattern in PATTERNS, f"{answers} leads to {pattern!r}"
        assert len(way) <= 5 and len({name for name, _ in way}) == len(way)
        found[pattern] += 1
    print(dict(found), sum(found.values()))
    assert sum(found.values()) == 23_328
    assert set(found) == set(PATTERNS) == set(book.fact("patterns"))


def test_an_outcome_fits_the_answers(book: Book) -> None:
    """What a pattern is must follow from what was answered, whatever the way through the questions."""
    for answers in combinations(book):
        gateway, proxied = choose.state(book, choose.outcome(book, answers)[0])
        if gateway != "shared":
            assert (answers["machine"] == "open") == (not proxied), answers
            assert answers["team_size"] == "small" and answers["security"] == "basic" or gateway == "none", answers
        else:
            assert (answers["machine"] == "nothing") == ("client" in proxied), answers
            assert answers["gateway"] == "exists" or (answers["server"] == "inside") == ("egress" in proxied), answers
        if gateway == "local":
            assert answers["programs"] == "allowed" and answers["gateway"] == "none", answers


def test_every_answer_matters_or_says_why_not(book: Book) -> None:
    criteria = book.fact("decision_tree.criteria")
    base = list(combinations(book))[::7]
    for name, criterion in criteria.items():
        changes = any(
            choose.outcome(book, answers)[0] != choose.outcome(book, {**answers, name: other})[0] for answers in base for other in criterion["answers"]
        )
        assert changes != ("used_for" in criterion), f"{name}: a criterion that changes no outcome says in used_for what it is good for, and only such a one"


def test_the_older_trees_are_contained(book: Book) -> None:
    """What the two earlier trees could ask leads to the pattern they named, or to one of its kind."""
    plain = dict(book.fact("decision_tree.presets.solo.answers"))
    kinds = {"A": {"direct"}, "B": {"proxy"}, "C": {"local-gateway", "shared-gateway"},
             "D": {"local-gateway-proxy", "gateway-via-proxy", "shared-gateway-proxy", "dual-proxy"}}  # fmt: skip
    for cost, machine, letter in (("low", "open", "A"), ("low", "inside", "B"), ("high", "open", "C"), ("high", "inside", "D")):
        assert choose.outcome(book, {**plain, "cost_tracking": cost, "machine": machine})[0] in kinds[letter]
    numbers = {1: {"direct"}, 2: {"local-gateway"}, 3: {"proxy"}, 4: {"local-gateway-proxy"}, 5: {"shared-gateway", "shared-gateway-proxy"}}
    for machine, cost, providers, team in itertools.product(("open", "inside"), ("low", "high"), ("one", "few"), ("small", "medium")):
        found = choose.outcome(book, {**plain, "machine": machine, "cost_tracking": cost, "providers": providers, "team_size": team})[0]
        several = cost == "high" or providers == "few"
        number = 5 if team == "medium" else {("open", False): 1, ("open", True): 2, ("inside", False): 3, ("inside", True): 4}[machine, several]
        assert found in numbers[number]


def test_presets_have_the_outcome_they_name(book: Book) -> None:
    presets = book.fact("decision_tree.presets")
    assert list(presets) == ["solo", "corporate", "team", "startup", "regulated"], "the specification's five cases"
    for name, preset in presets.items():
        assert choose.outcome(book, preset["answers"])[0] == preset["outcome"], name


# The drawing ----------------------------------------------------------------------
def read_drawing(article: Any) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
    """(node -> its text, {(from, answer, to)}) as the SVG shows them."""
    svg = article.select_one(".drawing > svg")
    texts = {node["data-node"]: " ".join(line.get_text() for line in node.select("tspan")) for node in svg.select("[data-node]")}
    return texts, {(answer["data-from"], answer.get_text(), answer["data-to"]) for answer in svg.select(".answer")}


def read_words(article: Any) -> tuple[dict[int, str], set[tuple[int, str, str]]]:
    """(number -> question, {(number, answer, what follows)}) as the list shows them."""
    texts, follows = {}, set()
    for question in article.select("li [id^=question-]"):
        item = question.find_parent("li")
        number = int(question["id"].rpartition("-")[2])
        texts[number] = question.get_text()
        for answer in item.select("li"):
            said, _, target = answer.get_text().strip().rstrip(".").partition(": ")
            follows.add((number, said.lower(), target))
    return texts, follows


def test_drawing_words_and_data_agree(site: Path, book: Book) -> None:
    article = built(site, "choose/index.md").select_one("article")
    questions, numbers = book.fact("decision_tree.questions"), choose.numbered(book)
    names = {name: book.fact(f"patterns.{name}.name") for name in PATTERNS}
    expected = {(name, answer, question[way]) for name, question in questions.items() for answer, way in (("yes", "then"), ("no", "otherwise"))}

    drawn, arrows = read_drawing(article)
    assert arrows == expected
    assert drawn == {**names, **{name: f"{numbers[name]}. {question['ask']}" for name, question in questions.items()}}

    words, follows = read_words(article)
    assert words == {numbers[name]: question["ask"] for name, question in questions.items()}
    assert follows == {(numbers[name], answer, f"question {numbers[to]}" if to in numbers else names[to]) for name, answer, to in expected}


def test_a_drawing_that_says_something_else_is_noticed(site: Path, book: Book) -> None:
    article = built(site, "choose/index.md").select_one("article")
    texts, arrows = read_drawing(BeautifulSoup(str(article).replace(">yes<", ">no<", 1).replace("Shared gateway<", "Shared gatway<", 1), "html.parser"))
    assert (texts, arrows) != read_drawing(article)
    words, follows = read_words(BeautifulSoup(str(article).replace("Yes: ", "No: ", 1), "html.parser"))
    assert follows != read_words(article)[1] and words == read_words(article)[0]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("where", ["choose/", "troubleshoot/flow/"])
def test_the_drawing_can_be_read(site: Path, where: str, scheme: str, width: int) -> None:
    """Text of 16 px inside its box, in the page's own colours; the drawing scrolls, the page does not."""
    with Chromium() as browser, Served(site) as served, View(browser, served, scheme=scheme, width=width) as view:
        page = view.open(where)
        page.wait_for_function(  # the observer in shell.js speaks after the first layout
            """() => { const box = document.querySelector(".drawing > svg").parentElement;
            return (box.tabIndex === 0) === (box.scrollWidth > box.clientWidth); }"""
        )
        found = page.evaluate(
            """() => { const svg = document.querySelector(".drawing > svg"), box = svg.parentElement;
            const inside = [...svg.querySelectorAll("g")].filter((g) => { const r = g.querySelector("rect").getBBox(), t = g.querySelector("text").getBBox();
              return t.x < r.x || t.x + t.width > r.x + r.width - 2 || t.y < r.y || t.y + t.height > r.y + r.height; }).map((g) => g.dataset.node);
            return { size: getComputedStyle(svg.querySelector("text")).fontSize, outside: inside,
              scale: svg.getBoundingClientRect().width / svg.viewBox.baseVal.width,
              scrolls: box.scrollWidth > box.clientWidth, page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
              ink: getComputedStyle(svg.querySelector("text")).fill, body: getComputedStyle(document.querySelector("article p")).color,
              focus: box.tabIndex, name: svg.querySelector("title").textContent }; }"""
        )
    assert found["outside"] == [], "text leaves its box: make the boxes of macros/drawing.py wider, or wrap earlier"
    assert found["size"] == "16px" and found["scale"] == pytest.approx(1)
    assert found["scrolls"] == (width == 320) and found["page"] == 0
    assert found["focus"] == (0 if found["scrolls"] else -1), "a Tab stop where, and only where, there is something to scroll"
    assert found["ink"] == found["body"] and found["name"]


# The patterns -----------------------------------------------------------------------
def test_every_pattern_is_told_in_three_sentences(book: Book) -> None:
    for name, pattern in book.fact("patterns").items():
        sentences = [part for part in re.split(r"(?<=[.!?])\s+", pattern["summary"].strip()) if part]
        assert len(sentences) <= 3, f"{name}: {len(sentences)} sentences"
        assert sentences[-1].startswith("Choose it "), f"{name}: the last sentence says when to choose it"


def test_hops_follow_from_gateway_and_proxies(book: Book) -> None:
    for name, pattern in book.fact("patterns").items():
        gateway, proxied = choose.state(book, name)
        expected = ["client", *(["proxy"] if "client" in proxied else []), *(["gateway"] if gateway != "none" else [])]
        expected += [("second-proxy" if "client" in proxied else "proxy")] if "egress" in proxied else []
        parts = [hop["from"] for hop in pattern["hops"]] + [pattern["hops"][-1]["to"]]
        assert parts == [*expected, "provider"], name
        assert [hop["to"] for hop in pattern["hops"][:-1]] == [hop["from"] for hop in pattern["hops"][1:]], name
        assert (pattern["hops"][0]["guard"] == "machine") == (gateway == "local"), name
        assert ("gateway" in pattern["needs"]) == (gateway != "none"), name


def test_every_older_name_leads_to_one_place(site: Path, book: Book) -> None:
    found: dict[str, dict[str, str]] = {}
    for name, pattern in book.fact("patterns").items():
        for alias in pattern["aliases"]:
            assert alias["label"] not in found.setdefault(alias["of"], {}), f"{alias}: leads to two patterns"
            found[alias["of"]][alias["label"]] = name
    assert found == OLDER
    for name in PATTERNS:
        page, _, anchor = choose.place(book, name).partition("#")
        html = BeautifulSoup((site / page / "index.html").read_text("utf-8"), "html.parser")
        assert not anchor or html.select_one(f"article [id='{anchor}']") is not None, f"{name}: no section {page}#{anchor}"


def test_links_follow_a_page_that_is_written(book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "root", tmp_path)
    assert choose.place(book, "dual-proxy") == "choose/#dual-proxy"
    (tmp_path / "docs" / "patterns").mkdir(parents=True)
    (tmp_path / "docs" / "patterns" / "dual-proxy.md").touch()
    assert choose.place(book, "dual-proxy") == "patterns/dual-proxy/"


def test_every_row_of_the_comparison_has_evidence(site: Path, book: Book) -> None:
    """The schema asks for evidence, the account of the run for passed tests; here: it is one table, and it stands on the page."""
    article = built(site, "choose/index.md").select_one("article")
    table = article.select_one("#compared").find_next("table")
    rows = [cell.get_text() for cell in table.select("tbody td:first-child")]
    assert rows == [f"{number}. {row['what'].replace('`', '')}" for number, row in enumerate(book.fact("comparison"), start=1)]
    proofs = article.select_one("#compared").find_next("ol").select(":scope > li")
    assert len(proofs) == len(rows) and all(proof.select("a, code") for proof in proofs)
    names = [book.fact(f"patterns.{name}.name") for name in PATTERNS]
    for other in site.rglob("index.html"):
        text = other.read_text("utf-8")
        tables = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer("table")).select("table") if all(name in text for name in names) else []
        count = sum(set(names) <= {cell.get_text() for cell in table.select("th")} for table in tables)
        assert count == (other.parent.name == "choose"), f"{other.parent.name}: patterns are compared in one table"


# The moves ----------------------------------------------------------------------
def test_moves_lead_where_their_edge_says(book: Book) -> None:
    for edge in book.fact("migrations.edges"):
        assert choose.walked(book, edge) == choose.state(book, edge["to"])


def test_every_neighbour_can_be_reached(book: Book) -> None:
    """Two patterns that differ in one thing have an edge, one way or the other; no edge stands twice."""
    pairs = [frozenset((edge["from"], edge["to"])) for edge in book.fact("migrations.edges")]
    assert len(pairs) == len(set(pairs))
    for one, other in itertools.combinations(PATTERNS, 2):
        (gateway, legs), (other_gateway, other_legs) = choose.state(book, one), choose.state(book, other)
        if (gateway != other_gateway) + len(legs ^ other_legs) == 1:
            assert frozenset((one, other)) in pairs, f"no move between {one} and {other}"


def test_every_edge_has_steps_verification_and_rollback(site: Path, book: Book) -> None:
    article = built(site, "choose/migrate.md").select_one("article")
    for edge in book.fact("migrations.edges"):
        heading = article.select_one(f"[id='{edge['from']}-to-{edge['to']}']")
        lists = [heading.find_next(string=title).find_next(["ol", "ul"]).select("li") for title in ("Steps", "Verify", "Roll back")]
        there, verify, back = choose.ways(book, edge)
        assert [len(items) for items in lists] == [len(there), len(verify) + 1, len(back)]
        assert there and back, f"{edge['from']} to {edge['to']}: a way there and a way back"


def test_the_way_back_undoes_each_move(book: Book) -> None:
    moves = book.fact("migrations.moves")
    for edge in book.fact("migrations.edges"):
        there, _, back = choose.ways(book, edge)
        for step in edge["moves"]:
            done, undone = (moves[step["move"]][key][0] for key in (("back", "switch") if step.get("back") else ("switch", "back")))
            assert done in there and undone in back


# The questions people ask -----------------------------------------------------------
def test_every_answer_links_to_its_proof(site: Path) -> None:
    headings = built(site, "choose/questions.md").select("article h3")
    assert len(headings) >= 10
    for heading in headings:
        parts = list(itertools.takewhile(lambda part: part.name not in {"h2", "h3"}, (part for part in heading.next_siblings if part.name)))
        text = " ".join(part.get_text(" ") for part in parts)
        assert heading.get_text().rstrip("¶").strip().endswith("?")
        assert any(part.select("a[href]") for part in parts), f"{heading.get_text()}: no link to the proof"
        assert len(text.split()) <= 60, f"{heading.get_text()}: {len(text.split())} words"


# Mistakes in the data stop the build --------------------------------------------------
TREE, MOVES = "snippets/facts/decision_tree.yaml", "snippets/facts/migrations.yaml"
MISTAKES = {
    "nowhere": Mistake(replace(TREE, "then: dual-proxy", "then: dual-porxy"), TREE, "leads to 'dual-porxy', which is neither", "correct the name"),
    "circle": Mistake(replace(TREE, "then: dual-proxy", "then: existing"), TREE, "question 'existing' leads back to itself", "must end at a pattern"),
    "question that nobody meets": Mistake(
        replace(TREE, "then: existing-path", "then: shared-gateway"), TREE, "no way leads to existing-path", "remove the question"
    ),
    "answer that is none": Mistake(
        replace(TREE, "machine: [nothing]}\n  purpose", "machine: [nought]}\n  purpose"), TREE, "machine: nought, which is no answer", "see criteria"
    ),
    "criterion of one side": Mistake(replace(TREE, "criteria: [gateway]", "criteria: [server]"), TREE, "criteria and yes_when", "must name the same criteria"),
    "preset elsewhere": Mistake(replace(TREE, "outcome: direct", "outcome: proxy"), TREE, "preset 'solo' names proxy", "its answers lead to direct"),
    "move elsewhere": Mistake(
        replace(MOVES, "from: direct, to: proxy", "from: direct, to: dual-proxy"), MOVES, "the moves from direct to dual-proxy lead to", "correct the moves"
    ),
    "move that does not apply": Mistake(
        replace(MOVES, "from: direct, to: local-gateway", "from: local-gateway, to: shared-gateway"),
        MOVES,
        "move 'local-gateway' starts at gateway 'none'",
        "it is 'local'",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MISTAKES)
def test_stops_the_build(name: str, tmp_path: Path) -> None:
    assert_stops(MISTAKES[name], tmp_path)


def test_a_way_of_six_questions_stops_the_build(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "MOST_QUESTIONS", 4)
    with pytest.raises(choose.BookError, match="a way with more than 4 questions; ask fewer"):
        choose.check(book)
