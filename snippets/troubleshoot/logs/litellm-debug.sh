umask 077
export LITELLM_LOG=DEBUG
venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000 > debug.log 2>&1
