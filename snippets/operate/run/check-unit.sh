systemd-analyze --user verify ~/.config/systemd/user/litellm-gateway.service
