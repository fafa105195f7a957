#!/bin/sh
# A whole election on a fresh machine: makes the environment, then runs `evote demo` with the arguments given.
EXTRAS=.
. "$(dirname "$0")/environment.sh"
exec "$VENV/bin/evote" demo "$@"
