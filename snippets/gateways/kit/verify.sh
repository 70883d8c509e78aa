echo "faf897b3cca903efcfde42c97680b9d5db9495f30a5f4a01db9bdb1545423832  gateway_check.py" | sha256sum --check
