systemctl --user daemon-reload
systemctl --user enable --now litellm-gateway.service
