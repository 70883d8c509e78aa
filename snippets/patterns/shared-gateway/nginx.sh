sudo install -m 644 claude-gateway.conf /etc/nginx/conf.d/
sudo rm -f /etc/nginx/sites-enabled/default
sudo nginx -t && sudo service nginx restart
