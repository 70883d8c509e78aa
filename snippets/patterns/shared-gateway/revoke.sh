sudo sed -i '/ alice;$/d' /etc/nginx/claude-developers.map
sudo nginx -t && sudo service nginx reload
