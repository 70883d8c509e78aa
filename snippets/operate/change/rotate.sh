cp -p master-key master-key.old
(umask 077; python3 -c 'import secrets; print("sk-" + secrets.token_urlsafe(32))' > master-key.new)
mv master-key.new master-key
export LITELLM_MASTER_KEY="$(cat master-key)"
venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000 2>&1 | tee gateway.log
