"""A SLURM of one node on this machine, of its own: keys, ports and folders are apart."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")
_SETTINGS = """\
ClusterName=made
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobRequeue=1
ReturnToService=2
SlurmdTimeout=15
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=made Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def what_is_missing() -> list[str]:
    """Return the programs of SLURM and munge that are not there."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return [name for name in PROGRAMS if shutil.which(name, path=places) is None]


class Slurm:
    """The running cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._daemons = folder, dict[str, subprocess.Popen[bytes]]()
        for name in ("state", "spool"):
            (folder / name).mkdir()
        names = {"host": socket.gethostname(), "folder": folder, "user": getpass.getuser()}
        ports = {"ctld_port": _free_port(), "slurmd_port": _free_port()}
        (folder / "slurm.conf").write_text(_SETTINGS.format(**names, **ports))
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)

    def start(self) -> None:
        """Start munge, the controller and the node."""
        munge = [f"--{n}={self.folder}/munge.{n.partition('-')[0]}" for n in ("socket", "key-file")]
        munge += [f"--{n}-file={self.folder}/munge.{n}" for n in ("pid", "log", "seed")]
        self._run("munged", "--foreground", "--force", *munge)
        wait_for((self.folder / "munge.socket").exists)
        self._run("slurmctld", "-D", "-c")
        self.start_node()

    def start_node(self) -> None:
        """Start the node's daemon, and wait until the controller has it.

        A job that waits for the node takes it at once. A star would say that it does not answer.
        """
        self._run("slurmd", "-D")
        wait_for(
            lambda: ask("sinfo", "--noheader", "--format=%T") in {"idle", "mixed", "allocated"}
        )

    def kill_node(self) -> None:
        """Kill the node as a power cut does: its daemon and all that runs under it, at once."""
        daemon = self._daemons.pop("slurmd")
        for pid in [daemon.pid, *self._job_processes()]:
            os.kill(pid, signal.SIGKILL)
        daemon.wait()

    def stop(self) -> None:
        """Stop what is left."""
        for pid in self._job_processes():
            os.kill(pid, signal.SIGKILL)
        for daemon in reversed(list(self._daemons.values())):
            daemon.terminate()
            daemon.wait(timeout=30)

    def _run(self, name: str, *arguments: str) -> None:
        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        program = shutil.which(name, path=places) or name
        with (self.folder / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [program, *arguments], stdout=log, stderr=log, start_new_session=True
            )

    def _job_processes(self) -> list[int]:
        """Return the processes of jobs, known by this cluster's settings, and their keepers."""
        mine, found = f"SLURM_CONF={self.folder}/slurm.conf".encode(), set[int]()
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                entries = (place / "environ").read_bytes().split(b"\0")
                if mine in entries and any(e.startswith(b"SLURM_JOB_ID=") for e in entries):
                    parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
                    keeper = Path("/proc", parent, "comm").read_text().strip() == "slurmstepd"
                    found |= {int(place.name), *([int(parent)] if keeper else [])}
        return sorted(found)  # a keeper comes before what it keeps


@contextmanager
def slurm() -> Iterator[Slurm]:
    """Run a cluster; the commands of SLURM find it through SLURM_CONF."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # a socket's path must be short
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    cluster = Slurm(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before
        shutil.rmtree(folder, ignore_errors=True)


def ask(*command: str) -> str:
    """Return what one of SLURM's commands prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def wait_for(happens: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is true, or raise."""
    until = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > until:
            raise TimeoutError(f"expected {happens} within {seconds} s")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
