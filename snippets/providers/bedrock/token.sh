export ANTHROPIC_AUTH_TOKEN="$(cat ~/litellm-gateway/master-key)"
