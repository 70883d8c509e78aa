bao policy write claude-gateway claude-gateway.hcl
bao auth enable approle
bao write auth/approle/role/claude-gateway token_policies=claude-gateway token_ttl=5m
(
  umask 077
  bao read -field=role_id auth/approle/role/claude-gateway/role-id > openbao-role-id
  bao write -f -field=secret_id auth/approle/role/claude-gateway/secret-id > openbao-secret-id
)
