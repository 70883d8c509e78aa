echo "b0e4a536b48b68ed91963a4d4e52d2ad96afbeb557a68e65cfaaca1fe6c35845  gateway_doctor.py" | sha256sum --check
