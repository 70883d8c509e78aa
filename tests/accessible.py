"""What a reader with a keyboard, a screen reader, forced colours, or 400 % zoom meets, and axe cannot see.

Each check takes an open page and returns a list of problems; it presses keys and
never the mouse. tests/test_shell.py calls them for every page and, with a fault
planted, to see that each finds its own.
"""

from __future__ import annotations

import string

from playwright.sync_api import Page

#: WCAG 1.4.12: the spacing that no text may be lost at.
SPACING = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: More Tab stops than any page has.
MOST_STOPS = 600
#: When this many have a problem, the others need no look.
ENOUGH = 5
#: How long the theme waits before it acts on a key, and then some, in milliseconds.
A_MOMENT = 150

HELPERS = """
const rgb = (colour) => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
const opaque = (colour) => colour.length < 4 || colour[3] > .5;
const backdrop = (element) => {
  for (let e = element; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (opaque(c)) return c; }
  return rgb(getComputedStyle(document.documentElement).getPropertyValue('color-scheme') === 'dark' ? '0 0 0' : '255 255 255');
};
const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
const short = (element) => element.outerHTML.replace(/\\s+/g, ' ').slice(0, 90);
"""


def _ask(page: Page, body: str) -> object:
    return page.evaluate(f"() => {{ {HELPERS} {body} }}")


# Keys ---------------------------------------------------------------------------
def single_keys(page: Page) -> list[str]:
    """WCAG 2.1.4: no key alone does anything while the focus is on a link or nowhere."""
    page.evaluate("""() => {
      window.moved = '';
      navigation.addEventListener('navigate', (event) => { window.moved = event.destination.url; if (event.cancelable) event.preventDefault(); });
    }""")
    toggles = "[...document.querySelectorAll('.md-toggle')].map((each) => each.checked)"
    state = f"() => [window.moved, document.activeElement.outerHTML.slice(0, 80), ...{toggles}].join(' ')"
    problems = []
    for place in ("document.activeElement.blur()", "document.querySelector('article a').focus()"):
        for key in string.ascii_lowercase + string.digits + string.punctuation:
            page.evaluate(place)
            before = page.evaluate(state)
            page.keyboard.press(key)
            if page.evaluate(state) != before:
                problems.append(f"the key {key!r} alone does something: {page.evaluate(state)}; see the keys in shell.js")
                page.evaluate("() => { window.moved = ''; for (const each of document.querySelectorAll('.md-toggle:checked')) each.click(); }")
    return problems


STOP = """
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return null;
  const box = (e) => { const r = e.getBoundingClientRect();
    return { left: Math.max(r.left, 0), top: Math.max(r.top, 0), right: Math.min(r.right, innerWidth), bottom: Math.min(r.bottom, innerHeight) }; };
  const there = (e) => { const r = box(e); return seen(e) && r.right - r.left >= 2 && r.bottom - r.top >= 2; };
  const labels = element.id ? [...document.querySelectorAll(`label[for="${CSS.escape(element.id)}"]`)] : [];
  const mark = [element, ...labels].find(there);
  const name = short(element);
  if (!mark) return { name, problem: 'takes the focus and is not to be seen' };
  const r = box(mark);
  const free = [.1, .5, .9].some((x) => [.1, .3, .5, .7, .9].some((y) => {
    const hit = document.elementFromPoint(r.left + (r.right - r.left) * x, r.top + (r.bottom - r.top) * y);
    return hit && (mark.contains(hit) || hit.contains(mark));
  }));
  if (!free) return { name, problem: 'takes the focus below something else' };
  const style = getComputedStyle(mark);
  if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) return { name, problem: 'takes the focus and shows no ring' };
  const ring = contrast(rgb(style.outlineColor), backdrop(parseFloat(style.outlineOffset) < 0 ? mark : mark.parentElement));
  if (ring < 3) return { name, problem: `has a ring with a contrast of ${ring.toFixed(1)}:1; it needs 3:1` };
  return { name };
"""


#: Behind the last stop comes the browser's own frame, or at once the first stop again; that is the end if every link was met.
ROUND = """
  if (!again && met[0] === document.activeElement && [...document.querySelectorAll('a[href]')].every((link) => met.includes(link) || !seen(link))) return null;
  met.push(document.activeElement);
"""


#: Compiled once, asked at every stop.
HERE = f"const met = []; const here = (again) => {{ {HELPERS} {ROUND} {STOP} }};"
#: The Tab key, held down, asks about a stop when it is about to leave it. True: all is well from the first to the last; false: not so.
HELD = f"""() => {{
  {HERE}
  const stops = [], done = new AbortController();
  let began = false;
  addEventListener('keydown', () => {{ if (began) stops.push(here()); began = true; }}, {{ capture: true, signal: done.signal }});
  return () => {{
    const end = stops.indexOf(null);
    if (end < 0 && !stops.some((stop) => stop.problem)) return null;
    done.abort();
    return end >= 0 && !stops.slice(0, end).some((stop) => stop.problem);
  }};
}}"""
#: How often the held key repeats before it is asked what it met.
REPEATS = 10


def _held_down(page: Page) -> bool:
    """Whether every Tab stop is in order at once. It takes a quarter less than single presses, of which the last word is."""
    walk = page.evaluate_handle(HELD)
    well = None
    for _ in range(MOST_STOPS // REPEATS):
        for _ in range(REPEATS):
            page.keyboard.down("Tab")
        well = walk.evaluate("walk => walk()")
        if well is not None:
            break
    page.keyboard.up("Tab")
    return bool(well)


def tab_stops(page: Page) -> list[str]:
    """WCAG 2.4.3, 2.4.7, 2.4.11, 1.4.11: from the first Tab stop to the last, each is to be seen, with a ring, below nothing."""
    problems: list[str] = []
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    if _held_down(page):
        return []
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    here = page.evaluate_handle(f"() => {{ {HERE} return here; }}")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = here.evaluate("here => here()")
        if stop is None or len(problems) == ENOUGH:
            return problems
        if "problem" in stop:
            page.wait_for_timeout(A_MOMENT)  # the theme fits the columns to the window a frame later
            stop = here.evaluate("here => here(true)")
        if "problem" in stop:
            problems.append(f"{stop['name']} {stop['problem']}")
    return [*problems, f"more than {MOST_STOPS} Tab stops, or a trap: {page.evaluate('document.activeElement.outerHTML.slice(0, 90)')}"]


def _tab_to(page: Page, role: str, name: str) -> bool:
    """Press Tab until a control has the focus; False when it has not, from one end of the page to the other."""
    wanted = page.get_by_role(role, name=name, exact=True).element_handles()  # type: ignore[arg-type]
    ends = 0
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        reached, end = page.evaluate("wanted => [wanted[0] === document.activeElement, document.activeElement === document.body]", wanted[:1])
        if reached:
            return True
        ends += end
        if ends == 2:  # it began somewhere in the middle
            return False
    return False


def drawer(page: Page) -> list[str]:
    """WCAG 2.1.1, 2.4.3, 4.1.2, on a narrow screen: opened, walked through, and closed with keys."""
    problems = []
    opener = page.locator("[data-opens=__drawer]")
    for close in ("Escape", "Enter"):
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        if not _tab_to(page, "button", "Navigation"):
            return ["no button named Navigation is a Tab stop; see _header in macros/shell.py"]
        page.keyboard.press("Enter")
        if opener.get_attribute("aria-expanded") != "true":
            problems.append("the open drawer is not announced: its button lacks aria-expanded=true")
        inside = "document.activeElement.closest('#navigation') !== null"
        if not page.evaluate(inside):
            problems.append("the focus does not move into the open drawer")
        for _ in range(page.locator("#navigation a").count() + 2):
            if not page.evaluate(f"document.activeElement === document.body || {inside}"):
                problems.append(f"the Tab key leaves the open drawer for {page.evaluate('document.activeElement.outerHTML.slice(0, 90)')}")
                break
            page.keyboard.press("Tab")
        if close == "Enter":
            page.locator("[data-closes=__drawer]").focus()
        page.keyboard.press(close)
        if page.locator("#__drawer").is_checked() or opener.get_attribute("aria-expanded") != "false":
            problems.append(f"{close} does not close the drawer")
        if not opener.evaluate("opener => opener === document.activeElement"):
            problems.append(f"after {close} the focus does not go back to the button that opened the drawer")
        if page.evaluate("document.querySelectorAll('[inert]').length"):
            problems.append("behind the closed drawer something stays out of reach")
            return problems
    return problems


def search(page: Page, words: str = "gateway") -> list[str]:
    """WCAG 2.1.1, 2.4.3, 4.1.3: opened, used, and closed with keys; the number of results is announced."""
    problems = []
    narrow = page.locator("[data-opens=__search]").is_visible()
    back = "[data-opens=__search]" if narrow else "[data-md-component=search-query]"
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    if narrow and not _tab_to(page, "button", "Search"):
        return ["no button named Search is a Tab stop; see _header in macros/shell.py"]
    page.keyboard.press("Enter" if narrow else "Control+k")
    if not page.evaluate("document.activeElement.matches('[data-md-component=search-query]')"):
        return ["the search field does not get the focus"]
    page.keyboard.type(words)
    page.locator(".md-search-result__item").first.wait_for()
    said = page.eval_on_selector_all("[role=status], [role=alert], [aria-live]", "all => all.map(each => each.textContent).join(' ')")
    if "matching document" not in said:
        problems.append("the number of results is not announced; see _search in macros/shell.py")
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.md-search-result__link')"):
            break
    else:
        problems.append("the Tab key does not reach the results")
    stop = _ask(page, STOP)
    if stop and "problem" in stop:  # type: ignore[operator]
        problems.append(f"a result {stop['problem']}")  # type: ignore[index]
    page.keyboard.press("Escape")
    page.wait_for_timeout(A_MOMENT)
    if page.locator("#__search").is_checked():
        problems.append("Escape does not close the search")
    if not page.locator(back).evaluate("back => back === document.activeElement"):
        problems.append("after Escape the focus does not go back to where the search was opened")
    return problems


def contents(page: Page) -> list[str]:
    """On a narrow screen the contents of a page open with a key and lead to a heading. For pages that have them."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    summary = page.locator(".contents > summary")
    if not summary.is_visible():
        return ["no contents below the first heading; see _contents in macros/shell.py"]
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        reached, end = summary.evaluate("summary => [summary === document.activeElement, document.activeElement === document.body]")
        if reached:
            break
        if end:
            return ["the Tab key does not reach the contents"]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    target = page.evaluate("document.activeElement.hash")
    page.keyboard.press("Enter")
    page.wait_for_timeout(A_MOMENT)
    top = page.evaluate("name => document.getElementById(decodeURIComponent(name.slice(1)))?.getBoundingClientRect().top ?? -1", target or "#")
    header = page.evaluate("document.querySelector('.md-header').getBoundingClientRect().bottom")
    return [] if header - 1 <= top < page.viewport_size["height"] else [f"{target!r} of the contents leads to a heading that is not to be seen"]  # type: ignore[index]


# What is said --------------------------------------------------------------------
def copied(page: Page) -> list[str]:
    """WCAG 4.1.2, 4.1.3: copy buttons have names of their own; what they did is announced, each time."""
    problems = []
    buttons = page.locator(".md-code__button")
    names = [str(name) for name in buttons.evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")]
    if not names or any(": " not in name for name in names):
        problems.append(f"copy buttons without the name of their block: {names[:3]}; see repair in shell.js")
    for _ in range(2):
        buttons.first.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(A_MOMENT)
        said = page.eval_on_selector_all("[role=status], [role=alert], [aria-live]", "all => all.map(each => each.textContent).join(' ')")
        if "Copied to clipboard" not in said:
            problems.append("that a block was copied is not announced; see _rest in macros/shell.py")
    if page.locator("article nav:not([role=none])").count():
        problems.append("a copy button stands in a landmark of its own")
    return problems


# What is seen --------------------------------------------------------------------
def sideways(page: Page) -> list[str]:
    """WCAG 1.4.10: at 320 px, or 400 % zoom, nothing scrolls in two directions but boxes of code and tables."""
    wide = page.evaluate(OVERFLOW)
    return [f"{wide} px too wide; let the wide element scroll in its own box"] if wide > 0 else []


def header_share(page: Page) -> list[str]:
    """What stays on top leaves room to read: at most a third of the height."""
    share = page.evaluate("document.querySelector('.md-header').getBoundingClientRect().height / innerHeight")
    return [f"the header covers {share:.0%} of the screen"] if share > 1 / 3 else []


CLIPPED = """
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element), r = element.getBoundingClientRect();
    if (!seen(element) || r.width < 2 || element.closest('[aria-hidden=true], svg, .md-search:not(:focus-within), .md-dialog')) continue;
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || element.querySelector('a, p, span');
    if (!text) continue;
    const cut = (overflow, inner, outer) => ['hidden', 'clip'].includes(overflow) && inner > outer + 1;
    if (cut(style.overflowX, element.scrollWidth, element.clientWidth) || cut(style.overflowY, element.scrollHeight, element.clientHeight))
      found.push(`text is cut: ${short(element)}`);
  }
  return found;
"""


def clipped(page: Page) -> list[str]:
    """WCAG 1.4.12: with more space between lines, words and letters no text is cut, nor too wide."""
    page.add_style_tag(content=SPACING)
    return [*_ask(page, CLIPPED), *sideways(page)]  # type: ignore[misc]


FORCED = """
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    if (!seen(element)) continue;
    for (const part of [null, '::before', '::after']) {
      const style = getComputedStyle(element, part);
      if ((style.maskImage || 'none') === 'none' || (part && style.content === 'none') || parseFloat(style.width) < 2) continue;
      const under = part ? backdrop(element) : backdrop(element.parentElement);
      if (!opaque(rgb(style.backgroundColor)) || contrast(rgb(style.backgroundColor), under) < 3)
        found.push(`an icon is not to be seen: ${part || ''} of ${short(element)}`);
    }
    if (element.tagName === 'svg' && element.getBoundingClientRect().width > 2 && contrast(rgb(getComputedStyle(element).fill), backdrop(element)) < 3)
      found.push(`an icon is not to be seen: ${short(element.parentElement)}`);
  }
  for (const group of document.querySelectorAll('.tabbed-set')) {
    const looks = [...group.querySelectorAll(':scope > .tabbed-labels > label')].map((label) => getComputedStyle(label).backgroundColor);
    if (new Set(looks).size !== 2) found.push(`the chosen tab looks like the others: ${looks.join(', ')}`);
  }
  return found;
"""


def forced_colours(page: Page) -> list[str]:
    """WCAG 1.4.11, in a view with forced colours: every icon is to be seen, and which tab is chosen."""
    if not page.evaluate("matchMedia('(forced-colors: active)').matches"):
        return ["this view forces no colours"]
    return list(_ask(page, FORCED))  # type: ignore[call-overload]


MOTION = """
  const slow = (value) => value.split(',').some((each) => parseFloat(each) * (each.trim().endsWith('ms') ? .001 : 1) > .01);
  return [...document.querySelectorAll('body, body *')].flatMap((element) => [null, '::before', '::after'].flatMap((part) => {
    const style = getComputedStyle(element, part);
    return slow(style.transitionDuration) || slow(style.animationDuration) && style.animationName !== 'none' ? [`moves: ${part || ''} ${short(element)}`] : [];
  }));
"""


def motion(page: Page) -> list[str]:
    """WCAG 2.3.3: for readers who asked for less motion nothing slides or fades."""
    if not page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches"):
        return ["this view asks for no less motion"]
    return list(_ask(page, MOTION))  # type: ignore[call-overload]


IDLE = """
  return [...document.querySelectorAll('button, input, select, textarea, [role=button], [tabindex]:not([role=group])')]
    .filter((element) => seen(element) && element.id !== '__drawer').map((element) => `does nothing without JavaScript: ${short(element)}`);
"""


def idle_controls(page: Page) -> list[str]:
    """Without JavaScript no control is left that does nothing. The drawer's check box works."""
    return list(_ask(page, IDLE))  # type: ignore[call-overload]
