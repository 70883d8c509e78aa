sudo rm /etc/nginx/conf.d/claude-gateway.conf /etc/nginx/claude-developers.map /etc/nginx/claude-master-key.conf
sudo nginx -t && sudo service nginx restart
cd ~
