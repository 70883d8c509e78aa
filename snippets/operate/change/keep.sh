cd ~/litellm-gateway
cp -p config.yaml config.last-good.yaml
