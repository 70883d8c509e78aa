put_key() {
  printf 'Anthropic API key: '; read -rs key; echo
  printf '%s' "$key" | bao kv put secret/claude-gateway provider-key=-
  unset key
}
put_key
