echo "17a71f62cbe6589d81c1189ff01bd06716ad22ad12ca03cfec8fc4d67277b15b  gateway_doctor.py" | sha256sum --check
