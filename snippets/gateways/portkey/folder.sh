mkdir -p ~/portkey-gateway
cd ~/portkey-gateway
