may() {
  local VAULT_TOKEN
  VAULT_TOKEN=$(bao write -field=token auth/approle/login role_id=@openbao-role-id secret_id=@openbao-secret-id)
  export VAULT_TOKEN
  for place in secret/data/claude-gateway secret/data/claude-code sys/policies/acl/claude-gateway; do
    echo "$place: $(bao token capabilities "$place")"
  done
}
may
