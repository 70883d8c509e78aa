printf '%s' "$(cat ~/litellm-gateway/master-key)" | bao kv put secret/claude-code gateway-key=-
