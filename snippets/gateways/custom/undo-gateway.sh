cd ~
rm -r ~/own-gateway
