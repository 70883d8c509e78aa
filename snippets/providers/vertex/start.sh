cd ~/litellm-gateway
export LITELLM_MASTER_KEY="$(cat master-key)"
export LITELLM_LOCAL_MODEL_COST_MAP=True
export GOOGLE_APPLICATION_CREDENTIALS="$HOME/claude-vertex.json"
venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000 2>&1 | tee gateway.log
