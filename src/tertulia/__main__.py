"""``python -m tertulia``, and the script ``tertulia``."""

import sys


def main() -> None:
    """Run a command."""
    try:
        # It takes a moment to load, in which somebody may have thought better of it.
        from tertulia.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
