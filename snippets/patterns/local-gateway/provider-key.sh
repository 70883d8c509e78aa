export UPSTREAM_ANTHROPIC_API_KEY
printf 'Anthropic API key: '; read -rs UPSTREAM_ANTHROPIC_API_KEY
