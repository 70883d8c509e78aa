"""The only door from ``snippets/`` to a page.

``main`` registers the macros, ``ledger`` reads and checks the data, ``render``
turns a snippet into Markdown, ``guards`` looks at what stands in ``docs/``,
``html`` is the one function from HTML to HTML, ``evidence`` writes what was
rendered, and ``hook`` calls the last three for MkDocs.
"""
