"""The gateway as it is observed: OpenTelemetry's instruments, or nothing."""
