may() {
  local VAULT_TOKEN
  VAULT_TOKEN=$(bao write -field=token auth/approle/login role_id=@openbao-role-id secret_id=@openbao-secret-id)
  export VAULT_TOKEN
  for path in secret/data/claude-gateway secret/data/claude-code sys/policies/acl/claude-gateway; do
    echo "$path: $(bao token capabilities "$path")"
  done
}
may
