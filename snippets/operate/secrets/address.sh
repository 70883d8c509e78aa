cd ~/litellm-gateway
export VAULT_ADDR=http://127.0.0.1:8200
