cd ~/litellm-gateway
(umask 077; printf '%s\n' \
  "LITELLM_MASTER_KEY=$(cat master-key)" \
  "UPSTREAM_ANTHROPIC_API_KEY=$UPSTREAM_ANTHROPIC_API_KEY" \
  "LITELLM_LOCAL_MODEL_COST_MAP=True" > gateway.env)
unset UPSTREAM_ANTHROPIC_API_KEY
