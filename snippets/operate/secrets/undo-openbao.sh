bao delete auth/approle/role/claude-gateway
bao policy delete claude-gateway
bao kv metadata delete secret/claude-gateway
bao kv metadata delete secret/claude-code
rm ~/litellm-gateway/openbao-role-id ~/litellm-gateway/openbao-secret-id
