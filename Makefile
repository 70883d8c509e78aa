# Everything is installed into .venv/; `make clean` removes it.
PYTHON ?= python3
PORT ?= 8000
PATTERN ?= local-gateway
SITE = .venv/site/bin/python
# What a replay of every page needs.
LAB = system site test litellm node gateways vault prometheus proxies agent-sdk
TEST = .venv/test/bin/python
export NO_MKDOCS_2_WARNING = 1
unexport PYTHONDONTWRITEBYTECODE # else every program reads its libraries from source

.DEFAULT_GOAL := help
.PHONY: help serve site test test-all sudo-test page check doctor update measure compatibility mutants faults lab clean

help: ## what you can do here
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

serve: ## read the site at http://127.0.0.1:8000, rebuilt as you edit (PAGES="patterns/direct.md": that page alone, in seconds)
	@$(PYTHON) tests/install.py site port=$(PORT)
	@HANDBOOK_PAGES="$(PAGES)" $(SITE) -m mkdocs serve --livereload -a 127.0.0.1:$(PORT)

site: ## build the site into site/
	@$(PYTHON) tests/install.py site
	@$(SITE) -m mkdocs build --quiet

test: ## install what the tests need, build the site, run every block
	@$(PYTHON) tests/install.py $(LAB) root
	@$(SITE) -m macros.build
	@$(TEST) -m tests.run all

test-all: ## the same with every variant and every look of every page
	@HANDBOOK_ALL_VARIANTS=1 $(MAKE) --no-print-directory test

sudo-test: ## the same as root, by sudo; it may then install Debian packages
	@sudo env "PATH=$$PATH" $(MAKE) --no-print-directory PYTHON="$(PYTHON)" test; status=$$?; \
	  sudo chown -R "$$(id -u):$$(id -g)" .venv site reports; exit $$status

page: ## run the blocks of one page, in a minute or two: make page PAGE=patterns/direct.md
	@$(PYTHON) tests/install.py $(LAB)
	@$(SITE) -m macros.build
	@$(TEST) -m tests.run page "$(PAGE)"

check: ## everything that needs no lab and is not long, in a minute
	@$(PYTHON) tests/install.py site test node
	@$(SITE) -m macros.build
	@$(TEST) -m tests.run check

doctor: ## run the doctor's own checks with $(PYTHON), any from 3.9 on
	@$(PYTHON) tests/doctor/everywhere.py

update: ## rewrite the recorded outputs by running their blocks again
	@$(PYTHON) tests/install.py $(LAB)
	@$(SITE) -m macros.build
	@$(TEST) -m tests.update
	@$(TEST) -m tests.dump_known

measure: ## times and memory, into reports/measure.json; what was measured for single pages, into their facts
	@$(PYTHON) tests/install.py $(LAB)
	@$(SITE) -m macros.build
	@$(TEST) -m tests.measure
	@$(TEST) -m tests.waits
	@$(TEST) -m tests.wire
	@$(TEST) -m tests.reach
	@$(TEST) -m tests.older

compatibility: ## ask gateways what Claude Code needs of them, into its page
	@$(PYTHON) tests/install.py system test litellm node gateways proxies compatibility
	@$(TEST) -m tests.compatibility

mutants: ## change one value at a time and see which test notices; in at most an hour, those first that wait (MINUTES=0: all)
	@$(PYTHON) tests/install.py $(LAB)
	@$(TEST) -m tests.mutants

faults: ## break things one at a time, and in pairs, and see whether the doctor names the cause
	@$(PYTHON) tests/install.py system test litellm node
	@$(TEST) -m tests.faults

lab: ## practise without an API key: make lab PATTERN=local-gateway-proxy AUTH=basic INSPECT=1
	@$(PYTHON) tests/install.py test litellm node
	@$(TEST) -m tests.lab.play $(PATTERN)

clean: ## remove everything that was installed or built
	rm -rf .venv site reports .cache .pytest_cache
