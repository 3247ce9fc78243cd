"""What the ports reach: models, stores, telemetry, time and chance."""
