# Sees to PostgreSQL's server programs for the tests: what is installed, else Debian's package. Sourced by test.sh.
has_postgres() {
    for programs in "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" \
        /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null || echo /nowhere)"; do
        if [ -x "$programs/initdb" ] && [ -x "$programs/postgres" ]; then return 0; fi
    done
    return 1
}

install_postgres() {
    # The package would start a server of its own on port 5432; the tests start private ones.
    defaults=/etc/postgresql-common/createcluster.d/evote-tests.conf
    mkdir -p "${defaults%/*}"
    echo "create_main_cluster = false" >"$defaults"
    result=1
    apt-get update -qq >/dev/null &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null &&
        result=0
    rm -f "$defaults"
    return $result
}

if ! has_postgres && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "There is no PostgreSQL server here: installing Debian's package." >&2
    install_postgres || echo "Debian's package could not be installed." >&2
fi
if has_postgres; then
    export EVOTE_REQUIRE_POSTGRES=1
else
    echo "*** NO POSTGRESQL SERVER: its tests are skipped. Install one (Debian: apt-get install postgresql). ***" >&2
fi
