"""Training of the auto-approval model: sessions, data, fitting, certificates, the graph, the report."""
