cd ~/project
python3 ~/gateway-doctor/gateway_doctor.py
