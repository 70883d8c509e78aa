mkdir -p ~/litellm-gateway
cd ~/litellm-gateway
