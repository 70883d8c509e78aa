mkdir -p ~/.config/systemd/user
