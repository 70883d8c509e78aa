put_secret() {
  printf 'Anthropic API key: '; read -rs key; echo
  printf '%s' "$key" | aws secretsmanager put-secret-value --secret-id claude-gateway/provider-key \
    --secret-string file:///dev/stdin --query Name --output text
  unset key
}
put_secret
