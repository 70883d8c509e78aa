mkdir -p ~/gateway-check
cd ~/gateway-check
