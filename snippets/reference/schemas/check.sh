.tools/bin/check-jsonschema --schemafile .schemas/litellm-config.schema.json config.yaml
.tools/bin/check-jsonschema --schemafile .schemas/claude-settings.schema.json .claude/settings.json
