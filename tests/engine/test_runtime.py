from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import tensorflow as tf

from celu_cli.engine.runtime import _stderr_kept_back


def test_importing_the_engine_writes_nothing() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", "import celu_cli.engine, tensorflow; tensorflow.ones([2])"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.parametrize("named", [False, True])
def test_importing_the_engine_makes_no_file_and_leaves_the_home_of_keras_as_it_is(
    tmp_path: Path, named: bool
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_HOME"}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path / "home")}
    if named:
        environment |= {"KERAS_HOME": str(tmp_path / "keras")}
    command = [sys.executable, "-c", "import os, celu_cli.engine; print(os.environ.get('KERAS_HOME'))"]
    result = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str(environment.get("KERAS_HOME"))
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_temporary_directory_the_engine_is_imported_all_the_same() -> None:
    program = """
import errno, os, tempfile
def fail():
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")
tempfile._get_default_tempdir = fail
import celu_cli.engine, tensorflow
print(os.environ.get("TEST_TMPDIR"), float(tensorflow.ones([])))
"""
    environment = {name: value for name, value in os.environ.items() if name != "TEST_TMPDIR"}
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "None 1.0\n"), result.stderr


def test_importing_the_engine_leaves_keras_to_those_who_ask_for_it() -> None:
    program = """
import sys
import celu_cli.engine
print("keras" in sys.modules)
import tensorflow as tf
from tensorflow.keras import activations
print(activations.gelu(tf.zeros([1])).numpy(), tf.keras.optimizers.Adam.__name__, "keras.src.optimizers" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "[0.]", "Adam", "True"]


@pytest.mark.parametrize("enabled", [True, False])
def test_no_garbage_is_looked_for_while_tensorflow_is_imported_and_as_before_afterwards(
    enabled: bool,
) -> None:
    program = f"""
import gc
gc.{"enable" if enabled else "disable"}()
before, looks = (gc.isenabled(), gc.get_threshold()), []
gc.callbacks.append(lambda phase, _: looks.append(phase))
import celu_cli.engine
print((gc.isenabled(), gc.get_threshold()) == before, looks.count("start") < 100)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "True True\n"


def test_a_graph_is_not_rewritten_before_it_runs_on_a_processor() -> None:
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU's graphs are rewritten")
    assert tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]


def test_what_was_kept_back_is_shown_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with _stderr_kept_back():
            os.write(2, b"the reason\n")
            raise ImportError("no such library")

    with pytest.raises(ImportError):
        fail()
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "the reason\nlater\n"


def test_a_process_without_stderr_is_prepared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no sys.stderr where file descriptor 2 was closed before it started."""

    def fail(_: int) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    done = []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        patch.setattr(os, "dup", fail)
        with _stderr_kept_back():
            done.append(True)
    assert done == [True]


def test_a_process_without_a_temporary_directory_is_prepared_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with _stderr_kept_back():
        os.write(2, b"chatter\n")
    assert capfd.readouterr().err == "chatter\n"


def test_what_was_kept_back_is_forgotten_after_success(capfd: pytest.CaptureFixture[str]) -> None:
    with _stderr_kept_back():
        os.write(2, b"chatter\n")
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "later\n"


def test_threads_without_a_share_of_their_own_help_in_its_operations() -> None:
    code = (
        "import tensorflow as tf\nfrom celu_cli.engine.runtime import spread_threads\n"
        "of = tf.config.threading.get_intra_op_parallelism_threads\nfound = [of()]\n"
        "for shares in (1, 2, 3, 8):\n    spread_threads(shares)\n    found.append(of())\n"
        "tf.constant(1.0) + 1.0\nspread_threads(1)\n"
        "print(found, of(), tf.config.threading.get_inter_op_parallelism_threads())"
    )
    code = f"import celu_cli.engine\n{code}"
    surroundings = os.environ | {"TF_NUM_INTRAOP_THREADS": "4"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings)
    assert done.stdout == "[1, 4, 2, 1, 1] 1 4\n", done.stderr
