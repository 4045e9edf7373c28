"""git: what its subcommands do beyond what their options tell. The options are in `policies.shell.programs.git`."""
