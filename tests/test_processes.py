"""A process is known for good, and what it holds ends with it."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import Timeout

from celu_cli.processes import Life, Process, lock_file

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def wait_for(life: Life, process: Process) -> None:
    end = time.monotonic() + 10
    while process.life() != life:
        assert time.monotonic() < end, process.life()
        time.sleep(0.01)


@linux
def test_a_process_is_alive_suspended_or_gone() -> None:
    child = subprocess.Popen(["sleep", "60"])
    process = Process.find(child.pid)
    assert process.life() == "alive"
    child.send_signal(signal.SIGSTOP)
    wait_for("suspended", process)
    child.send_signal(signal.SIGCONT)
    wait_for("alive", process)
    child.kill()
    wait_for("gone", process)  # not waited for yet: a zombie
    child.wait()
    assert process.life() == "gone"


@linux
def test_a_number_that_was_given_to_another_process_is_not_taken_for_the_first() -> None:
    process = Process.find()
    assert process.started is not None
    assert process._replace(started=process.started - 1).life() == "gone"


@pytest.mark.parametrize("changes", [{"space": "another-boot x"}, {"space": None, "host": "another-host"}])
def test_a_process_of_another_machine_or_container_is_not_looked_up(changes: dict[str, str | None]) -> None:
    process = Process.find()._replace(pid=2**22 + 1, **changes)  # above the largest number
    assert not process.is_local
    assert process.life() == "unknown"


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a pid namespace")
def test_a_process_in_another_pid_namespace_of_this_machine_is_not_looked_up() -> None:
    code = "from celu_cli.processes import Process; print(*Process.find(), sep='|')"
    words = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(ended.stderr)
    pid, host, space, started = ended.stdout.strip().split("|")
    inside = Process(int(pid), host, space, int(started))
    assert inside.pid == 1  # there is one here, too
    assert inside.host == Process.find().host
    assert inside.life() == "unknown"


def test_one_process_holds_a_file_until_it_lets_go(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from celu_cli.processes import lock_file\n"
    code += "held = lock_file(Path(sys.argv[1])); print('held', flush=True); input()"
    words = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Timeout):
            lock_file(tmp_path / "lock")
        child.kill()
    lock = lock_file(tmp_path / "lock")
    assert lock is not None
    lock.release()


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL])
def test_a_filesystem_without_locks_is_not_taken_for_a_lock_that_is_held(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert lock_file(tmp_path / "lock") is None
    assert list(tmp_path.iterdir()) == []
