set -eu
cd ~/litellm-gateway
VAULT_TOKEN=$(bao write -field=token auth/approle/login role_id=@openbao-role-id secret_id=@openbao-secret-id)
export VAULT_TOKEN
UPSTREAM_ANTHROPIC_API_KEY=$(bao kv get -field=provider-key secret/claude-gateway)
export UPSTREAM_ANTHROPIC_API_KEY
unset VAULT_TOKEN
LITELLM_MASTER_KEY=$(cat master-key)
export LITELLM_MASTER_KEY LITELLM_LOCAL_MODEL_COST_MAP=True
exec venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000
