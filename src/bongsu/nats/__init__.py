"""The rim that speaks NATS: the bus between processes, and the server that Bongsu starts for it."""
