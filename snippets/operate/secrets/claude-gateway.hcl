path "secret/data/claude-gateway" {
  capabilities = ["read"]
}
