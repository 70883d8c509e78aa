set -eu
cd ~/litellm-gateway
UPSTREAM_ANTHROPIC_API_KEY=$(aws secretsmanager get-secret-value --secret-id claude-gateway/provider-key \
  --query SecretString --output text)
export UPSTREAM_ANTHROPIC_API_KEY
LITELLM_MASTER_KEY=$(cat master-key)
export LITELLM_MASTER_KEY LITELLM_LOCAL_MODEL_COST_MAP=True
exec venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000
