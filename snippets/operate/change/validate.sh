LITELLM_MASTER_KEY="$(cat master-key)" venv/bin/litellm --config config.yaml --validate_config
