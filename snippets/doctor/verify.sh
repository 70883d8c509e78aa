echo "0a947b71010601a567cf805f94e4bf78df1015bb1a3c37d9b89aae9c97a7fad7  gateway_doctor.py" | sha256sum --check
