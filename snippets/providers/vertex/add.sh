venv/bin/pip install --no-deps --require-hashes -r google-requirements.txt
