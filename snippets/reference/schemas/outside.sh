sed 's/"env": {\(.*\)}/\1/' .claude/settings.json > outside.json
.tools/bin/check-jsonschema --schemafile .schemas/claude-settings.schema.json outside.json
