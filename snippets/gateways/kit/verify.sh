echo "2c7e1bf672365384afa4ea6f98ff226613aa3faec5aad482b0e1f3ed2af10049  gateway_check.py" | sha256sum --check
