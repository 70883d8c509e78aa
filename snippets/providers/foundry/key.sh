(umask 077
  printf 'Foundry API key: '; read -rs key; echo
  printf '%s\n' "$key" > ~/.foundry-api-key)
