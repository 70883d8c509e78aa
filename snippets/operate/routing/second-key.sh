export SECOND_ANTHROPIC_API_KEY
printf 'Second Anthropic API key: '; read -rs SECOND_ANTHROPIC_API_KEY
