cd ~
rm -r ~/portkey-gateway
