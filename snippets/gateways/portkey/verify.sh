sh connects.sh 127.0.0.1 4000
