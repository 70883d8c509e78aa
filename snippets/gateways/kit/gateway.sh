cd ~/litellm-gateway
export LITELLM_MASTER_KEY="$(cat master-key)" LITELLM_LOCAL_MODEL_COST_MAP=True
export ANTHROPIC_API_BASE=http://127.0.0.1:9500 UPSTREAM_ANTHROPIC_API_KEY=sk-ant-check-not-a-real-key
venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4001
