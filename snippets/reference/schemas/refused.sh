cp misspelt.yaml config.yaml && git add config.yaml
.tools/bin/pre-commit run
