"""The frame around every page, repaired: header, search, drawer, contents. (The navigation is macros/theme/partials/nav.html.)

Written for the markup of mkdocs-material 9.8.1 (macros/html.py checks the
release). Every repair names what it expects; what is missing stops the build.
macros/theme/assets/shell.js brings the buttons made here to life, and
macros/theme/assets/shell.css hides from readers without JavaScript what needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from bs4 import BeautifulSoup, Tag

from macros.ledger import BookError

#: From how many entries on a page shows its contents below the first heading too, where the screen has no room beside the text.
CONTENTS = 3


def repair(soup: BeautifulSoup) -> None:
    """Change the page in place. Raises BookError when the theme wrote other markup."""
    with _frame_alone(soup) as article:
        _header(soup)
        _search(soup)
        _palette(soup)
        _one(soup, ".md-sidebar--primary")["id"] = "navigation"
        _status(soup)
        _skip(soup, article)
        _contents(soup, article)
        _headings(article)


@contextmanager
def _frame_alone(soup: BeautifulSoup) -> Iterator[Tag]:
    """The page without its text, which is most of it and would be searched every time; the text comes apart."""
    article = _one(soup, "article")
    place = soup.new_tag("article")
    article.replace_with(place)
    yield article
    place.replace_with(article)


def _all(soup: Tag, selector: str) -> list[Tag]:
    found = list(soup.select(selector))
    if not found:
        raise BookError(
            f"macros/shell.py: the theme wrote nothing that matches {selector!r}; compare its templates with the release this file names, then repair it"
        )
    return found


def _one(soup: Tag, selector: str) -> Tag:
    found = _all(soup, selector)
    if len(found) > 1:
        raise BookError(f"macros/shell.py: the theme wrote {selector!r} {len(found)} times, not once; compare its templates, then repair this file")
    return found[0]


def _new(source: str) -> Tag:
    """The one element of a piece of HTML."""
    return BeautifulSoup(source, "html.parser").contents[0].extract()  # type: ignore[return-value]


def _button(name: str, classes: str, **attributes: str) -> Tag:
    """A button of the frame. Only shell.js makes it do something, so it is hidden without JavaScript."""
    button = _new(f'<button type="button" class="{classes}"></button>')
    button["aria-label"] = name
    button.attrs |= {key.replace("_", "-"): value for key, value in attributes.items()}
    return button


def _skip(soup: BeautifulSoup, article: Tag) -> None:
    """The skip link is the first Tab stop, before the theme's check boxes; the error page gets one too."""
    skip, heading = _one(soup, "[data-md-component=skip]"), article.find("h1", id=True)
    if skip.a is None and heading is not None:
        skip.append(_new(f'<a class="md-skip" href="#{heading["id"]}">Skip to content</a>'))
    soup.body.insert(0, skip.extract())


def _header(soup: BeautifulSoup) -> None:
    """Real buttons open drawer and search. Without JavaScript the drawer's check box and its label stay."""
    header = _one(soup, "header.md-header")
    opener = _one(header, "label.md-header__button[for=__drawer]")
    button = _button("Navigation", "md-header__button md-icon", aria_expanded="false", aria_controls="navigation", data_opens="__drawer")
    button.append(copy(_one(opener, "svg")))
    opener.insert_before(button)
    opener = _one(header, "label.md-header__button[for=__search]")
    button = _button("Search", "md-header__button md-icon", aria_expanded="false", aria_controls="search", data_opens="__search")
    button.append(_one(opener, "svg"))
    opener.replace_with(button)
    for name, spoken in {"#__drawer": "Navigation", "#__search": "Search"}.items():
        toggle = _one(soup, name)
        toggle["aria-label"] = spoken
        del toggle["autocomplete"]
    # The title stays the site's name: the theme swaps it for the page's as one scrolls, which the first heading says already.
    title = _one(header, "[data-md-component=header-title]")
    del title["data-md-component"]
    _one(title, "[data-md-component=header-topic]").decompose()


def _search(soup: BeautifulSoup) -> None:
    search = _one(soup, ".md-search[role=dialog]")
    del search["role"]  # it opens below the field, and beside it the page stays usable
    search["id"] = "search"
    inner = _one(search, "[role=search]")
    inner["aria-label"] = "Search"
    field = _one(search, "input[data-md-component=search-query]")
    field.attrs |= {"placeholder": "Search (Ctrl K)", "aria-label": "Search", "aria-keyshortcuts": "Control+K Meta+K"}
    del field["autocorrect"]
    icons = _one(search, "label.md-search__icon[for=__search]")
    magnifier, arrow = _all(icons, "svg")
    close = _button("Close search", "md-search__icon md-icon", data_closes="__search")
    close.append(arrow.extract())
    icons.insert_after(close)
    icons.name = "span"
    del icons["for"]
    options = _one(search, "nav.md-search__options")
    options.name = "div"
    del options["aria-label"]
    del _one(options, "button[type=reset]")["tabindex"]
    scroll = _one(search, ".md-search__scrollwrap")
    del scroll["tabindex"]  # its results are Tab stops
    del _one(search, "ol.md-search-result__list")["role"]  # the theme's script sets it
    _one(search, ".md-search-result__meta")["role"] = "status"  # so that the number of results is heard


def _palette(soup: BeautifulSoup) -> None:
    """One button that is pressed in the dark scheme; the theme's two radio buttons keep the choice, unseen."""
    form = _one(soup, "form[data-md-component=palette]")
    button = _button("Dark colours", "md-header__button md-icon", aria_pressed="false", data_palette="")
    for label in _all(form, "label"):
        button.append(_one(label, "svg"))
        label.decompose()
    _all(form, "input")
    form.name = "div"
    form.insert_before(button)


def _contents(soup: BeautifulSoup, article: Tag) -> None:
    """The contents beside the text, and folded below the first heading for narrow screens."""
    contents = _one(soup, "nav.md-nav--secondary")
    for title in contents.select("label.md-nav__title"):
        title.name = "div"
        del title["for"]
    for nested in contents.select("nav"):
        nested.name = "div"
        del nested["aria-label"]
    links, heading = contents.select("a.md-nav__link"), article.find("h1")
    if not links and article.find("h2", id=True):
        _all(contents, "[data-md-component=toc] a.md-nav__link")  # stops: the headings are there
    if not links:
        contents.decompose()
    if heading is None or len(links) < CONTENTS:
        return
    folded = _new('<details class="contents" data-search-exclude><summary>On this page</summary><div></div></details>')
    entries = copy(_one(contents, "[data-md-component=toc]"))
    for element in [entries, *entries.find_all(True)]:
        element.attrs = {"href": element["href"]} if element.name == "a" else {}
    for wrapper in entries.select("div, span"):
        wrapper.unwrap()
    folded.div.append(entries)
    heading.insert_after(folded)


def _status(soup: BeautifulSoup) -> None:
    _one(soup, "[data-md-component=dialog]")["role"] = "status"  # so that "Copied to clipboard" is heard


def _headings(article: Tag) -> None:
    for link in article.find_all("a", class_="headerlink"):
        text = link.parent.get_text(" ", strip=True).rstrip("¶").strip()
        link["aria-label"] = f"Link to: {text}"
        del link["title"]
