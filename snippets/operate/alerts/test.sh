promtool test rules alerts.test.yaml
