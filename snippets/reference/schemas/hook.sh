.tools/bin/pre-commit install
git add . && .tools/bin/pre-commit run
