systemctl --user disable --now litellm-gateway.service
rm ~/.config/systemd/user/litellm-gateway.service ~/litellm-gateway/gateway.env
systemctl --user daemon-reload
