echo "9564d2075468ef86f7d008d13f24792fd5fd3f3059146f462d34f0b2b9d8e8ef  gateway_doctor.py" | sha256sum --check
