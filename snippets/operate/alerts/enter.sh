cd ~/litellm-gateway
