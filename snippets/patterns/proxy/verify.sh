sh connects.sh proxy.corp.example 3128
