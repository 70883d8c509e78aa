echo "6a07442b77186f9fce14b0e186bc508d156148186f6d6d1a79d0d9f6d15da7d5  gateway_doctor.py" | sha256sum --check
