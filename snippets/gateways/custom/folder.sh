mkdir -p ~/own-gateway
cd ~/own-gateway
