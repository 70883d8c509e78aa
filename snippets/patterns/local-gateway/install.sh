python3 -m venv venv
venv/bin/pip install --no-deps --require-hashes -r requirements.txt &&
  venv/bin/pip install 'litellm[proxy]==1.106.10'
