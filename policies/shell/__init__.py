"""Shell commands to facts (`policies.facts`), without running them and without I/O. See `understand`."""

from policies.shell.understand import reading as reading
from policies.shell.understand import understand as understand
from policies.shell.understand import warm as warm
