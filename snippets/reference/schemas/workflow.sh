mkdir -p .github/workflows && mv schemas.yml .github/workflows/
.tools/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/schemas.yml
