venv/bin/pip install --no-deps --require-hashes -r metrics-requirements.txt
