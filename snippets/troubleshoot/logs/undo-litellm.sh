unset LITELLM_LOG
venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000 2>&1 | tee gateway.log
