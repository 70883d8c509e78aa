echo "9afe11217a5794c432645344454a02f4d400b8b1ec7317f37bf064bd06935703  gateway_doctor.py" | sha256sum --check
