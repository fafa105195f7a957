#!/bin/sh
# Every check of the project on a fresh machine: style, types, import rules, tests. Arguments go to pytest.
EXTRAS='.[dev]'
. "$(dirname "$0")/environment.sh"
. scripts/postgres.sh
"$VENV/bin/ruff" check .
"$VENV/bin/ruff" format --check src tests benchmarks examples
"$VENV/bin/mypy"
"$VENV/bin/lint-imports"
exec "$VENV/bin/python" -m pytest -n 2 --dist worksteal --benchmark-disable "$@"
