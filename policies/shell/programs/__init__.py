"""Knowledge about programs, one file per family; each module lists `PROGRAMS`. Scanned by `policies.shell.table`."""
