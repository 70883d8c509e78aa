(umask 077
  printf 'Anthropic API key: '; read -rs key; echo
  printf '%s\n' "$key" > ~/.anthropic-api-key)
