sed 's|https://us.provider.example|https://127.0.0.1:9|' config.yaml > rehearsal.yaml
venv/bin/litellm --config rehearsal.yaml --host 127.0.0.1 --port 4000 2>&1 | tee gateway.log
