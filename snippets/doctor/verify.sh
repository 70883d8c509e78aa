echo "548d674aa4779056939a1ebb9b3bcbda708b10c56326de1e16105da6840fd640  gateway_doctor.py" | sha256sum --check
