echo "a62ba5b1a85598530df450a01f98268a40ed0f4235449125b5e47305d4c4952d  gateway_doctor.py" | sha256sum --check
