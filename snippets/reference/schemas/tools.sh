python3 -m venv .tools
.tools/bin/python -m pip install --quiet --require-hashes -r tools-requirements.txt
