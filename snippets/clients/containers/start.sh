cd ~/litellm-gateway
export LITELLM_MASTER_KEY="$(cat master-key)"
export LITELLM_LOCAL_MODEL_COST_MAP=True
venv/bin/litellm --config config.yaml --host 172.17.0.1 --port 4000 2>&1 | tee gateway.log
