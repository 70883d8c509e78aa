"""Tables for the pages about settings and security, made from facts."""

from __future__ import annotations

from macros import render
from macros.ledger import Book

MEASURED = {"lab": "measured", "source-code": "read in the source", "docs": "documented"}


def scopes(book: Book) -> str:
    """Where a setting may come from, the strongest first."""
    rows = [[str(number), row["name"], row["place"], row["written_by"]] for number, row in enumerate(book.fact("scopes.order"), start=1)]
    return render.table(["Order", "Scope", "Place", "Written by"], rows)


#: What Claude Code does with a settings file that is not as it should be.
FORM = {
    "left-out": "The whole file is left out, and a line says so.",
    "silent": "It counts for nothing, and nothing is said.",
    "as-is": "It is used as it stands.",
}


def settings_form(book: Book) -> str:
    """What becomes of a settings file with a mistake in it."""
    return render.table(["In the file", "What Claude Code does"], [[row["mistake"], FORM[row["then"]]] for row in book.fact("scopes.form")])


def provider_order(book: Book) -> str:
    """Who gets the requests when several providers are chosen, the strongest first."""
    rows = [[str(number), render.inline(row["set"]), row["to"]] for number, row in enumerate(book.fact("bypass.providers"), start=1)]
    return render.table(["Order", "What is set", "Requests go to"], rows)


def provider_ways(book: Book, provider: str | None = None) -> str:
    """How providers, or one of them, are reached: what is sent, what arrives, with which credential."""
    rows = []
    for way in book.fact("providers.ways"):
        if provider in (None, way["provider"]):
            gateway = way["asks"].removeprefix("the gateway: ")
            asks = "the provider" if way["asks"] == "itself" else f"the gateway, {render.inline(gateway)}"
            rows.append([f'<a data-site-href="{way["page"]}">{way["name"]}</a>', asks, render.inline(way["sees"]), way["credential"]])
    return render.table(["Way", "Claude Code asks", "The provider sees", "Its credential there"], rows)


def switch_values(book: Book, name: str) -> str:
    """Which values of a switch were on, and which off."""
    values = book.fact("providers.switches")[name]
    return render.table([render.inline(name), "Values"], [[state, ", ".join(map(render.inline, values[state]))] for state in ("on", "off")])


def knowledge(book: Book) -> str:
    """What a reader should know, with a block to try oneself on."""
    rows = []
    for entry in book.fact("help.knowledge").values():
        what, example = entry["what"], "no page needs it"
        if "example" in entry:
            what = f"[{what}]({entry['learn']})"
            place = f"{entry['example']['page']}#{render.anchor(entry['example']['block'])}"
            example = f'<a data-site-href="{place}">{entry["example"]["name"]}</a>'
        rows.append([what, entry["enough"], example])
    return render.table(["What", "Enough is to know", "Try yourself on"], rows)


def ask(book: Book) -> str:
    """Whom to ask about which program."""
    rows = [[book.fact(f"versions.{row['product']}.name"), row["when"], f"[{row['say']}]({row['where']})"] for row in book.fact("help.ask")]
    return render.table(["Program", "It is the one to ask about when", "Where"], rows)


def managed_places(book: Book) -> str:
    """Where managed settings are, by system."""
    rows = [[row["system"], row["place"], f"[{MEASURED[row['verified']]}]({row['source']})"] for row in book.fact("scopes.managed")]
    return render.table(["System", "Place", "How known"], rows)


def bypass(book: Book) -> str:
    """What does not go to the gateway, what it takes along, and what stops it."""
    rows = [[row["what"], f"{row['where']}, {render.inline(row['path'])}", row["carries"], render.inline(row["stops"])] for row in book.fact("bypass.traffic")]
    return render.table(["What", "Where it goes", "What it takes along", "Not sent with"], rows)


def open_routes(book: Book) -> str:
    """What a LiteLLM with a master key answers without one."""
    rows = [[render.inline(row["path"]), row["tells"], render.inline(row["stops"]) if "stops" in row else "nothing"] for row in book.fact("routes.open")]
    return render.table(["Path", "What it tells", "Switched off by"], rows)


def logs(book: Book) -> str:
    """Every log, how it is turned on, and what of a planted conversation it holds."""
    planted = book.fact("logs.planted")
    rows = [[row["who"], row["log"], row["by"], ", ".join(planted[kind] for kind in row["shows"]) or "none of it"] for row in book.fact("logs.logs")]
    return render.table(["Program", "Log", "Turned on by", "Holds"], rows)


def gateway_products(book: Book) -> str:
    """Every gateway of the data: what it is."""
    kinds = {"models": "for models", "tools": "for tools, not for models"}
    rows = []
    for row in book.fact("gateways.products"):
        name = f"[{row['name']}]({row['page']})" if "page" in row else row["name"]
        rows.append([name, kinds[row["kind"]], row["licence"], row["speaks"], f"[{MEASURED[row['verified']]}]({row['source']}), {row['read']}"])
    return render.table(["Gateway", "What it is", "Licence", "What it speaks", "How known"], rows)


def gateway_settings(book: Book) -> str:
    """What the vendors' pages have Claude Code set, and what they leave open."""
    rows = [
        [f"[{row['name']}]({row['source']})", row["address"], row["credential"], row["models"], row["open"]]
        for row in book.fact("gateways.products")
        if row["verified"] == "docs"
    ]
    return render.table(["Gateway", "Base URL", "Credential", "Model names", "What its pages leave open"], rows)
