~/litellm-gateway/venv/bin/python ~/gateway-doctor/gateway_doctor.py --only gateway-config --gateway-config ~/litellm-gateway/config.yaml
