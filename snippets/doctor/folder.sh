mkdir -p ~/gateway-doctor
cd ~/gateway-doctor
