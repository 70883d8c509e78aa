"""The only door from ``snippets/`` to a page.

``main`` registers the macros, ``ledger`` reads and checks the data, ``render``
turns a snippet into Markdown, ``guards`` looks at what stands in ``docs/``,
``choose``, ``drawing``, ``cost`` and ``trace`` make parts of pages from facts
alone, ``html`` is the one function from HTML to HTML, ``evidence`` writes what
was rendered, and ``hook`` calls guards, html and evidence for MkDocs.
"""
