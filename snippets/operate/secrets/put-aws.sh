create_secret() {
  printf 'Anthropic API key: '; read -rs key; echo
  printf '%s' "$key" | aws secretsmanager create-secret --name claude-gateway/provider-key \
    --secret-string file:///dev/stdin --query Name --output text
  unset key
}
create_secret
