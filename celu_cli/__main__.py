"""``python -m celu_cli`` is ``celu``."""

from celu_cli.cli.app import main

if __name__ == "__main__":
    main()
