sh gateway-checks.sh install gateway client project
