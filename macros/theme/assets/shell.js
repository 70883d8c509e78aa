/* Keyboard, focus and names for the frame around every page. Written for mkdocs-material 9.8.1 and the buttons of
   macros/shell.py; tests/test_shell.py uses each of them with the keys alone. Needs no inline script. */
(() => {
  const one = (selector) => document.querySelector(selector);
  const toggles = { drawer: one("#__drawer"), search: one("#__search") };
  const drawer = one("#navigation"), search = one("#search"), query = one("[data-md-component=search-query]");
  const openers = { drawer: one("[data-opens=__drawer]"), search: one("[data-opens=__search]") };
  const set = (name, open) => { if (toggles[name].checked !== open) toggles[name].click(); };
  const shown = (element) => element.getClientRects().length > 0;

  /* Drawer: what lies behind it takes neither focus nor clicks; the focus goes in, and back to the button. */
  const behind = [];
  for (let inside = drawer; inside && inside !== document.body; inside = inside.parentElement)
    for (const other of inside.parentElement.children)
      if (other !== inside && !other.matches(".md-overlay, .md-toggle, script")) behind.push(other);
  toggles.drawer.addEventListener("change", () => {
    const open = toggles.drawer.checked, inside = drawer.contains(document.activeElement);
    for (const element of behind) element.inert = open;
    openers.drawer.setAttribute("aria-expanded", open);
    if (open) one("[data-closes=__drawer]").focus();
    else if (inside || document.activeElement === document.body) openers.drawer.focus();
  });
  matchMedia("(min-width: 76.25em)").addEventListener("change", () => set("drawer", false)); // now a column

  /* Search: opens with its field, closes when the focus leaves it. */
  let dismissed = false; // by Escape, with the focus left in the field: the theme would open it again
  const open = () => { dismissed = false; set("search", true); query.focus(); query.select(); };
  const close = () => {
    dismissed = !shown(openers.search);
    if (search.contains(document.activeElement)) (dismissed ? query : openers.search).focus();
    set("search", false);
  };
  toggles.search.addEventListener("change", () => {
    if (dismissed) queueMicrotask(() => set("search", false)); // a click within a click would be ignored
    openers.search.setAttribute("aria-expanded", toggles.search.checked);
  });
  query.addEventListener("blur", () => { dismissed = false; });
  for (const event of ["input", "click"]) query.addEventListener(event, () => { dismissed = false; set("search", true); });
  query.form.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("focusout", ({ relatedTarget: next }) => { if (next && !search.contains(next)) set("search", false); });

  for (const button of document.querySelectorAll("[data-opens], [data-closes]"))
    button.addEventListener("click", () => {
      if (button.dataset.opens === "__search") open();
      else if (button.dataset.closes === "__search") close();
      else set("drawer", !toggles.drawer.checked);
    });

  /* The theme acts on single keys (f s / n p . ,) wherever the focus is. Here no key without Ctrl or Cmd does anything,
     except in the search, where typing reaches the field. */
  window.addEventListener("keydown", (event) => {
    const inSearch = event.target instanceof Element && event.target.closest("#search");
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      set("drawer", false);
      open();
    } else if (event.key === "Escape") {
      event.stopPropagation(); // the theme would drop the focus
      if (toggles.search.checked) close();
      set("drawer", false);
    } else if (inSearch ? event.key === "Tab" : event.key.length === 1) {
      event.stopPropagation(); // the theme would close the search and skip its results
    }
  }, true);

  /* Dark colours: one button for the theme's two radio buttons. */
  const dark = one("[data-palette]"), schemes = [...document.querySelectorAll("input[name=__palette]")];
  const pressed = () => dark.setAttribute("aria-pressed", document.body.dataset.mdColorScheme === "slate");
  dark.addEventListener("click", () => schemes.find((each) => each.dataset.mdColorScheme !== document.body.dataset.mdColorScheme).click());
  new MutationObserver(pressed).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
  pressed();

  /* What the theme's script adds: buttons get the name of their block, results become Tab stops. */
  const repair = () => {
    for (const bar of document.querySelectorAll("nav.md-code__nav:not([role])")) {
      bar.setAttribute("role", "none");
      const button = bar.querySelector("button");
      button.setAttribute("aria-label", `${button.title}: ${bar.closest("pre").getAttribute("aria-label")}`);
    }
    for (const result of search.querySelectorAll("li [tabindex]")) result.removeAttribute("tabindex");
  };
  for (const part of [one("article"), search]) new MutationObserver(repair).observe(part, { childList: true, subtree: true });

  /* A message that has been shown is not read again at the end of the page. */
  const dialog = one("[data-md-component=dialog]");
  new MutationObserver(() => {
    if (!dialog.matches(".md-dialog--active")) dialog.firstElementChild.textContent = "";
  }).observe(dialog, { attributeFilter: ["class"] });

  /* A box is a Tab stop where it scrolls. Without this script every box is one. */
  const boxes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const box = target.closest("[role=group]");
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll("article [role=group][tabindex]")) for (const each of [box, box.lastElementChild]) boxes.observe(each);

  /* A browser that restores check boxes must not restore an open drawer. */
  set("drawer", false);
  set("search", false);
})();
