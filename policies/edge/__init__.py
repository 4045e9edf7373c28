"""What of the policies touches the machine, for use without the gateway. Nothing else in `policies` may import this."""
