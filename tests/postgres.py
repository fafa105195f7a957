# SPDX-License-Identifier: GPL-3.0-or-later
"""Real PostgreSQL servers: private clusters on free ports in a temporary folder, gone with the tests.

Each has the roles `evote_register` and `evote_box`, and pairs of databases that are made afresh for a test; neither
role can connect to the other's database.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

PASSWORDS = {"evote_register": "register's own", "evote_box": "box:of@its/own"}
PATIENCE = 120.0
_BASICS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "80",
    "shared_buffers": "16MB",
    "log_min_messages": "warning",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_recycle": "off",
    "log_statement": "none",
    "log_parameter_max_length": "0",
}
_ACCESS = (
    "local all postgres trust\nlocal replication postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
)
_PR_SET_PDEATHSIG = 1
_COUNT = itertools.count(1)


def find_programs() -> Path | None:
    """Return the folder of the newest server's programs, or None where no server is installed."""
    places = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    if config := shutil.which("pg_config"):
        run = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        places.append(Path(run.stdout.strip() or "/nowhere"))
    return next((one for one in places if (one / "initdb").exists() and (one / "postgres").exists()), None)


def _version(programs: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", programs.parent.name)]


def require_programs() -> Path:
    """Return the folder of the server's programs; where there is none, skip, or fail if one is required."""
    if programs := find_programs():
        return programs
    sentence = "NO POSTGRESQL SERVER: install one (Debian: apt-get install postgresql) to run this test"
    if os.environ.get("CI") or os.environ.get("EVOTE_REQUIRE_POSTGRES"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def _account() -> dict[str, object]:
    """Return whom the server's programs run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise AssertionError("the tests run as root, and there is neither an account postgres nor nobody")


def _end_with_the_tests() -> None:
    """Let the system end a server whose tests were killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(true, what: str) -> None:
    """Ask again and again."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


class Servers:
    """A temporary folder with clusters in it; they end with it. Logs of a failed test run are kept."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="evote-pg-"))  # short: a socket's path has 107 bytes
        self.clusters: list[Cluster] = []
        self._account = _account()
        self._own(self.folder)

    def _own(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account["user"], self._account["group"])

    def make_folder(self, name: str) -> Path:
        """Make a folder that the server's programs can write to."""
        path = self.folder / name
        path.mkdir(mode=0o700)
        self._own(path)
        return path

    def command(self, program: str, *arguments: object) -> dict[str, object]:
        """Return what `subprocess` needs to run one of the server's programs."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {
            "args": [str(self.programs / program), *map(str, arguments)],
            "cwd": self.folder,
            "env": {**clean, "LC_ALL": "C", "HOME": str(self.folder)},
            **self._account,
        }

    def run(self, program: str, *arguments: object, check: bool = True) -> str:
        """Run one of the server's programs to its end and return what it printed."""
        run = subprocess.run(
            **self.command(program, *arguments), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert not check or run.returncode == 0, f"{program}: {run.stdout}{run.stderr}"
        return run.stdout

    def new(self, name: str, *, bare: bool = False, archive: bool = False, **settings: str) -> Cluster:
        """Start an empty server.

        Args:
            name: Of its folder.
            bare: As PostgreSQL comes: without this module's settings and roles.
            archive: Keep every finished segment of its write-ahead log in `Cluster.archive`.
            settings: Of `postgresql.conf`.
        """
        cluster = Cluster(self, name)
        small = () if bare else ("--wal-segsize=1",)
        self.run(
            "initdb", "-D", cluster.data, "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C", *small
        )
        if archive:
            target = self.make_folder(cluster.archive.name)
            settings |= {"archive_mode": "on", "archive_command": f'cp "%p" "{target}/%f"'}
        cluster.configure(settings if bare else _BASICS | settings)
        cluster.start()
        for role, password in () if bare else PASSWORDS.items():
            cluster.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{password.replace(chr(39), chr(39) * 2)}'")
        return cluster

    def copy_of(self, primary: Cluster, name: str, connection: str = "user=postgres") -> Cluster:
        """Start a standby that follows a primary.

        Args:
            primary: What it follows.
            name: Of its folder.
            connection: How it connects, without host and port.
        """
        standby = Cluster(self, name)
        whole = f"host={self.folder} port={primary.port} {connection}"
        primary.base_backup(standby.data, "-R", "-d", whole)
        standby.configure({})
        standby.start()
        return standby

    def standby_of(self, primary: Cluster, name: str = "standby") -> Cluster:
        """Start a standby that the primary waits for at every commit."""
        standby = self.copy_of(primary, name, f"user=postgres application_name={name}")
        primary.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        primary.sql("SELECT pg_reload_conf()")
        primary.wait_for_standby()
        return standby

    def close(self, *, failed: bool = False) -> None:
        """End all servers and remove their folder."""
        for cluster in self.clusters:
            cluster.drop()
            if failed and cluster.log.exists():
                kept = Path(tempfile.gettempdir()) / f"{self.folder.name}-{cluster.log.name}"
                shutil.copy(cluster.log, kept)
                print(f"\nlog of PostgreSQL: {kept}")
        shutil.rmtree(self.folder, ignore_errors=True)


class Cluster:
    """One server.

    Attributes:
        data: Its data folder.
        archive: Finished segments of its write-ahead log, if it was started with `archive`.
        log: What it reported.
        port: On 127.0.0.1, and of its socket.
    """

    def __init__(self, servers: Servers, name: str) -> None:
        self._servers = servers
        self.data = servers.folder / name
        self.archive = servers.folder / f"{name}-archive"
        self.log = servers.folder / f"{name}.log"
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        servers.clusters.append(self)

    def configure(self, settings: dict[str, str]) -> None:
        """Add settings; they count from the next start."""
        lines = {"port": str(self.port), "unix_socket_directories": str(self._servers.folder), **settings}
        with (self.data / "postgresql.auto.conf").open("a") as file:  # the last one counts
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
        (self.data / "pg_hba.conf").write_text(_ACCESS)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                **self._servers.command("postgres", "-D", self.data),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_the_tests,  # noqa: PLW1509 - one system call
            )
        wait_until(self._answers, f"the server: {self.log.read_text()}")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End the server fast, as its administrator does."""
        self._end(signal.SIGINT)

    def drop(self) -> None:
        """End the server at once; its files are thrown away."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None

    def kill(self) -> None:
        """Kill the server and all its processes at once, like a machine that loses power."""
        with self._connect("postgres") as connection:
            self.process.send_signal(signal.SIGSTOP)  # or it would start others in the place of the dead
            for (child,) in connection.execute("SELECT pid FROM pg_stat_activity ORDER BY pid").fetchall():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self._end(signal.SIGKILL)

    def promote(self) -> None:
        """Make a standby the primary, one that waits for no standby itself."""
        self._servers.run("pg_ctl", "promote", "-D", self.data, "-w", "-t", PATIENCE)
        self.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.sql("SELECT pg_reload_conf()")

    def wait_for_standby(self) -> None:
        """Wait until every commit waits for the standby."""
        statement = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: self.sql(statement), "the standby")

    def psql(self, script: str, typed: str = "", database: str = "postgres") -> str:
        """Run a script as an administrator does, who types the given lines, and return what it printed."""
        path = self._servers.folder / f"script-{next(_COUNT)}.sql"
        path.write_text(script)
        run = subprocess.run(
            [
                str(self._servers.programs / "psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                str(self._servers.folder), "-p", str(self.port), "-U", "postgres", "-d", database, "-f", str(path),
            ],
            input=typed, capture_output=True, text=True, start_new_session=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return run.stdout

    def sql(self, statement: str, values: Sequence[object] = (), database: str = "postgres") -> list[tuple]:
        """Run a statement as the server's administrator and return its rows."""
        with self._connect(database) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def _connect(self, database: str) -> psycopg.Connection[tuple]:
        return psycopg.connect(
            host=str(self._servers.folder), port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def fresh_urls(self, box_on: Cluster | None = None) -> tuple[str, str]:
        """Make two empty databases and return the URLs of register and box.

        Args:
            box_on: Another server for the box.
        """
        number, urls = next(_COUNT), []
        for role, cluster in (("evote_register", self), ("evote_box", box_on or self)):
            database = f"{role}_{number}"
            cluster.sql(f"CREATE DATABASE {database} OWNER {role}")
            cluster.sql(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")
            urls.append(url_of(role, database, cluster))
        return urls[0], urls[1]

    # What an attacker takes away

    def base_backup(self, target: Path, *options: str) -> Path:
        """Copy the running server's data folder, write-ahead log included."""
        self._servers.run(
            "pg_basebackup", "-D", target, "-h", self._servers.folder, "-p", self.port, "-U", "postgres",
            "-X", "stream", "-c", "fast", *options,
        )  # fmt: skip
        return target

    def finish_segment(self) -> None:
        """Let the server archive what it has written to its log."""
        self.sql("CHECKPOINT")
        segment = self.sql("SELECT pg_walfile_name(pg_switch_wal())")[0][0]
        wait_until((self.archive / segment).exists, f"{segment} in the archive")

    def wal_text(self, folder: Path) -> str:
        """Return what pg_waldump shows of the segments in a folder, oldest first."""
        names = sorted(path.name for path in folder.iterdir() if re.fullmatch(r"[0-9A-F]{24}", path.name))
        return "".join(self._servers.run("pg_waldump", folder / name, check=False) for name in names)


def url_of(role: str, database: str, *clusters: Cluster, password: str = "") -> str:
    """Return a URL for SQLAlchemy; with several servers, whichever is the primary."""
    password = "".join(f"%{byte:02x}" for byte in (password or PASSWORDS[role]).encode())
    hosts = "&".join(f"host=127.0.0.1:{cluster.port}" for cluster in clusters)
    many = "&target_session_attrs=read-write&connect_timeout=10" if len(clusters) > 1 else ""
    return f"postgresql+psycopg://{role}:{password}@/{database}?{hosts}{many}"


def files_under(folder: Path) -> dict[str, bytes]:
    """Return the raw bytes of every file of a data folder, a backup or an archive."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def private_servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Begin without any server, for a fixture; all that are started end with it."""
    servers, before = Servers(require_programs()), request.session.testsfailed
    try:
        yield servers
    finally:
        servers.close(failed=request.session.testsfailed > before)
