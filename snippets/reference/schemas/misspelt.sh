sed 's/^general_settings:/genral_settings:/' config.yaml > misspelt.yaml
.tools/bin/check-jsonschema --schemafile .schemas/litellm-config.schema.json misspelt.yaml
