rm -rf ~/gateway-config
