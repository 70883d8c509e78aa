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
    from macros import catalogue, checklist, choose, compatibility, cost, doctor, drawing, evidence, ledger, reference, render, symptoms, trace
    from macros import diagram as drawn

    book = env.conf["extra"].get("book") or ledger.load()  # what macros/hook.py has read

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
    def credential_warning(notice: str = "credential") -> str:
        """The security warning of every page that shows a credential variable; ``own_key`` where no gateway holds one."""
        return render.notice(book, notice)

    @env.macro
    def third_party_notice(*products: str) -> str:
        """The third-party notice; its wording is the specification's (FR-038)."""
        return render.notice(book, "third_party", *products)

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
    def measured(path: str) -> str:
        """A measured table of ``snippets/facts``."""
        return render.measured(book, path)

    @env.macro
    def waits() -> str:
        """What Claude Code does after each fault, and for how long it is silent, as a table."""
        return render.waits(book)

    @env.macro
    def waits_measured() -> str:
        """The version and the day of these measurements."""
        return render.waits_day(book)

    @env.macro
    def logs() -> str:
        """Every log, and what of a planted conversation it holds, as a table."""
        return reference.logs(book)

    @env.macro
    def proxy_programs() -> str:
        """Which program honours which proxy and certificate variable, as a table."""
        return catalogue.proxy_programs(book)

    @env.macro
    def hosts() -> str:
        """Host names that Claude Code was seen to look up, as a table."""
        return render.hosts(book)

    @env.macro
    def hosts_documented() -> str:
        """Host names that signing in needs, by the official documentation, as a table."""
        return render.hosts_documented(book)

    @env.macro
    def proxy_variables() -> str:
        """Which variable sends which of Claude Code's requests through a proxy, as a table."""
        return catalogue.proxy_variables(book)

    @env.macro
    def proxy_exceptions() -> str:
        """Which form of an exception keeps which request from the proxy, as a table."""
        return catalogue.proxy_exceptions(book)

    @env.macro
    def diagram(pattern: str) -> str:
        """A pattern's hops, drawn and in words."""
        return drawn.diagram(book, pattern)

    @env.macro
    def connections(pattern: str) -> str:
        """Who opens which connection, and looks up which name, as a table."""
        return drawn.connections(book, pattern)

    @env.macro
    def evidence_tables() -> str:
        """The ledger as tables: how blocks are checked, and what the checks are worth."""
        return evidence.tables(book)

    @env.macro
    def evidence_blocks(*folders: str) -> str:
        """Every block below these folders of snippets/, how it is checked, what was seen."""
        return evidence.blocks(book, *folders)

    @env.macro
    def decision_tree() -> str:
        """The questions that lead to a pattern, as a drawing."""
        return drawing.decision_tree(book)

    @env.macro
    def decision_steps() -> str:
        """The same questions in words."""
        return choose.steps(book)

    @env.macro
    def decision_criteria() -> str:
        """The criteria of the choice and the questions that use them, as a table."""
        return choose.criteria(book)

    @env.macro
    def use_cases() -> str:
        """The specification's five use cases, each with its pattern, as a table."""
        return choose.presets(book)

    @env.macro
    def pattern_summaries() -> str:
        """A section for each pattern: when to choose it, its hops, what it needs."""
        return choose.summaries(book)

    @env.macro
    def pattern_comparison() -> str:
        """What differs between the patterns, with the evidence, as a table."""
        return choose.comparison(book)

    @env.macro
    def older_names() -> str:
        """Every name that a pattern had before, as a table."""
        return choose.older_names(book)

    @env.macro
    def migration_edges() -> str:
        """Which pattern leads to which, as a table of links."""
        return choose.edges(book)

    @env.macro
    def migrations() -> str:
        """A section for each move: steps, verification, rollback."""
        return choose.migrations(book)

    @env.macro
    def token_prices() -> str:
        """Prices for a million tokens, as a table."""
        return cost.prices(book)

    @env.macro
    def cost_examples() -> str:
        """What the examples cost, as a table."""
        return cost.examples(book)

    @env.macro
    def cost_of(example: str, what: str) -> str:
        """One figure of an example, as plain text."""
        return cost.figure(book, example, what)

    @env.macro
    def cost_calculator() -> str:
        """The form that does the same sums in the browser; only for docs/choose/cost.md."""
        return cost.calculator(book)

    @env.macro
    def requirement_counts() -> str:
        """How many requirements are tested, stated and to come, as a sentence."""
        return trace.counts(book)

    @env.macro
    def requirements_tested() -> str:
        """The requirements that tests hold up, as a table."""
        return trace.tested(book)

    @env.macro
    def requirements_stated() -> str:
        """The requirements that a documentation site cannot measure, as a table."""
        return trace.stated(book)

    @env.macro
    def requirements_later() -> str:
        """The requirements that are still to come, by subject."""
        return trace.later(book)

    @env.macro
    def corrections() -> str:
        """What earlier texts said and what is true, by topic."""
        return trace.corrections(book)

    @env.macro
    def security_checklist(*groups: str) -> str:
        """The items of these groups of the security checklist, each with its check."""
        return checklist.items(book, *groups)

    @env.macro
    def scopes() -> str:
        """Where Claude Code's configuration comes from, the strongest first, as a table."""
        return reference.scopes(book)

    @env.macro
    def what_to_set() -> str:
        """What each pattern needs, as a table."""
        return choose.what_to_set(book)

    @env.macro
    def settings_form() -> str:
        """What becomes of a settings file with a mistake in it, as a table."""
        return reference.settings_form(book)

    @env.macro
    def provider_order() -> str:
        """Who gets the requests when several providers are chosen, as a table."""
        return reference.provider_order(book)

    @env.macro
    def provider_ways(provider: str | None = None) -> str:
        """How providers, or one of them, are reached, as a table."""
        return reference.provider_ways(book, provider)

    @env.macro
    def switch_values(name: str) -> str:
        """Which values of a switch count, as a table."""
        return reference.switch_values(book, name)

    @env.macro
    def knowledge() -> str:
        """What a reader should know, as a table."""
        return reference.knowledge(book)

    @env.macro
    def ask() -> str:
        """Whom to ask about which program, as a table."""
        return reference.ask(book)

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
    def gateway_products() -> str:
        """Every gateway and what it is, as a table."""
        return reference.gateway_products(book)

    @env.macro
    def gateway_settings() -> str:
        """What vendors' pages have Claude Code set, as a table."""
        return reference.gateway_settings(book)

    @env.macro
    def variable_reference(family: str) -> str:
        """Every environment variable of a family (client, network, gateway, nobody), by subject, as tables."""
        return catalogue.variables(book, family)

    @env.macro
    def variable_effects() -> str:
        """What single variables change in Claude Code's request, as a table."""
        return catalogue.effects(book)

    @env.macro
    def variable_effects_measured() -> str:
        """The version and the day of these measurements."""
        return catalogue.effects_day(book)

    @env.macro
    def settings_reference() -> str:
        """Every settings key, as a table."""
        return catalogue.settings(book)

    @env.macro
    def header_reference() -> str:
        """Every HTTP header, as a table."""
        return catalogue.headers(book)

    @env.macro
    def message_fields(schema: str) -> str:
        """The fields that a schema below schemas/ describes, as a table."""
        return catalogue.fields(book, schema)

    @env.macro
    def litellm_keys() -> str:
        """The keys of LiteLLM's configuration in use here, by section, as tables."""
        return catalogue.litellm_keys(book)

    @env.macro
    def litellm_mistakes() -> str:
        """The rules for LiteLLM's configuration, and what LiteLLM does with each mistake, as a table."""
        return catalogue.litellm_mistakes(book)

    @env.macro
    def ports() -> str:
        """The ports on the pages of this site, as a table."""
        return catalogue.ports(book)

    @env.macro
    def all_connections() -> str:
        """Who opens which connection, a section for each pattern."""
        return catalogue.all_connections(book)

    @env.macro
    def status_answers() -> str:
        """What Claude Code prints when a gateway answers with a status, as a table."""
        return catalogue.answers(book)

    @env.macro
    def status_through_litellm() -> str:
        """A provider's status, LiteLLM's answer, and Claude Code's words, as a table."""
        return catalogue.statuses(book)

    @env.macro
    def reach(table: str) -> str:
        """A measured table of snippets/facts/reach.yaml: a row for each case, a column for each program."""
        return catalogue.reach(book, table)

    @env.macro
    def reach_measured() -> str:
        """The versions and the day of these measurements."""
        return catalogue.reach_day(book)

    @env.macro
    def glossary() -> str:
        """Every word of the glossary, as a table."""
        return catalogue.glossary(book)

    @env.macro
    def doctor_causes() -> str:
        """Every cause the doctor knows, by its id, as a table."""
        return doctor.causes()

    @env.macro
    def doctor_rules() -> str:
        """The rules for files that are causes of the doctor's too."""
        return doctor.rules()

    @env.macro
    def kit_checks() -> str:
        """Every check of the conformance kit, as a table."""
        return compatibility.checks(book)

    @env.macro
    def gateways_measured() -> str:
        """What each measured gateway fails and loses, and what Claude Code printed through it, as a table."""
        return compatibility.summary(book)

    @env.macro
    def gateway_matrix(group: str) -> str:
        """Every check with every gateway of a group, as a table."""
        return compatibility.matrix(book, group)

    @env.macro
    def gateways_day() -> str:
        """The versions and the day of these measurements."""
        return compatibility.measured(book)

    @env.macro
    def symptom_layer(layer: str) -> str:
        """What readers see, and why: a section for each text of this layer."""
        return symptoms.page(book, layer)

    @env.macro
    def symptom_index() -> str:
        """The form that finds a text, and every text by layer; only for docs/troubleshoot/index.md."""
        return symptoms.index(book)

    @env.macro
    def symptom_counts() -> str:
        """How many causes the catalogue holds, as words."""
        return symptoms.counts(book)

    @env.macro
    def symptom_flow() -> str:
        """The questions that lead from a failure to its section, drawn and in words."""
        return symptoms.flow(book)
