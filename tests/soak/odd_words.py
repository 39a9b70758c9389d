"""What a command line and its surroundings are drawn from, beside what the commands themselves declare."""

from __future__ import annotations

ODD_NAMES = (
    "模型",
    "ケース",
    "مثال",
    "עברית",
    "é̂",
    "it's",
    "a b",
    " ",
    "-x",
    "a\u202eb",
    "😀",
    "x\ty",
    "a;b",
    "$HOME",
    "~",
    "#1",
)
TRAINING = ("run", "check", "bench", "activations", "sweep")
SMALL = ("--sample", "network.filters=2", "batch_size=1000", "epochs=1")
OVERRIDES = (
    *("alpha=1", "epochs=2", "epochs=0", "alpha=0,5", "optimizer=adam", "optimizer.epsilon=1e-3", "x", "="),
    *("network.layers[1].filters=8", "network.layers[0]=1", "network.layers=[]", "description=a #b", "name=模型"),
    *("name=../x", "dataset=mnist", "dataset.sample=true", "backprop=auto", "fidelity.every=1", "seed=99999999999999"),
    *("alpha=" + "9" * 400, "alpha=[", "a." * 20 + "b=1", "alpha=\x1b[2J", "extends=case-a", "seed=0x", "a=="),
    *("description=\udcff", "network={layers: [", "description='a' b", "epochs=null"),
)  # fmt: skip
VALUES = (
    *(
        "",
        " ",
        "0",
        "1",
        "-1",
        "1e9",
        "nan",
        "inf",
        "9" * 30,
        "x",
        "x" * 5_000,
        "../..",
        "/",
        "/dev/null",
        "/dev/full",
    ),
    *(
        "/proc/none",
        "/proc/self/fd/9",
        "nowhere/x",
        "file/x",
        "out",
        "out/é.png",
        "a b.svg",
        "模型.html",
        "x.pdf",
        "~/x",
    ),
    *(
        "json",
        "csv",
        "md",
        "table",
        "tensorboard",
        "test-loss",
        "train-accuracy",
        "case-a",
        "tiny",
        "logs",
        "2",
    ),
)
SOUND = {
    "--logs": ("logs", "logs", "out"), "--data-dir": ("nowhere",), "--format": ("json", "csv", "md", "table", "text"),
    "--output": ("out/x.png", "out.html", "a b.svg", "out"), "--plot": ("out/é.png", "out.svg"),
    "--to": ("csv", "tensorboard", "npz"), "--where": ("seed=3", "alpha=1,4 epochs=1", "optimizer=adam", "name=模型"),
    "--metric": ("test-loss", "test-accuracy"), "--baseline": ("tiny", "模型", "x"), "--at-epoch": ("1",),
    "--top": ("1", "3"),
    "--sort-by": ("epoch", "test_accuracy", "case"), "--interval": ("0.1", "1"), "--alpha": ("1", "0.5"),
}  # fmt: skip
ARGUMENTS = {
    "run": ("tiny", "case-a", "logs/tiny"), "show": ("case-a", "tiny", "case-d", "模型"), "check": ("tiny",),
    "bench": ("tiny",), "activations": ("celu", "relu"), "fetch": ("nope",), "verify": ("mnist",), "list": ("x",),
    "new": ("new.yaml", "out/new.yaml", "cases/tiny.yaml", "模型.yaml", "-x.yaml"),
    "predict": ("tiny", "logs", "image.png"),
}  # fmt: skip
# Command lines that are right as they stand: what odd surroundings do to work, and not to refusals alone.
RIGHT = (
    *(
        "cases",
        "schema",
        "show tiny",
        "show case-d network.filters=8",
        "data list",
        "compare",
        "compare logs/",
    ),
    *(
        "compare tiny --format csv",
        "compare --runs --format json",
        "compare --plot out.svg",
        "plot logs/ --terminal",
    ),
    *(
        "plot logs/",
        "watch logs/ --all --once",
        "export --to csv -o out/x.csv",
        "report -o out.html",
        "why tiny case-a",
        "why tiny 模型 --where seed=3",
        "compare --where seed=3,4",
        "new new.yaml",
        "export tiny --to npz -o out/x.npz",
    ),
)
# The same, of what loads TensorFlow.
RIGHT_TRAINING = (
    "run tiny --resume-or-begin",
    "run tiny seed=4 --resume-or-begin",
    "predict tiny image.png",
    "predict tiny image.png --ink --json",
    "export tiny --to keras -o out/x.keras",
    "export tiny --to savedmodel -o out",
    "export tiny --to onnx -o x.onnx",
)
RUNS = ("logs", "logs/", "tiny", ".", "模型", "logs/it's", "a b", "tiny/ a run's ✗")
LANGUAGES = ("C", "C.UTF-8", "POSIX", "de_DE.UTF-8", "xx_YY", "", "tr_TR.ISO-8859-9")
TERMINALS = ("dumb", "xterm-256color", "", "unknown", "vt100")
SIZES = ((0, 0), (1, 1), (7, 3), (20, 5), (40, 10), (80, 24), (300, 80), (65_535, 65_535))
