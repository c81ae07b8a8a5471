"""`python -m oyez` is the command `oyez`."""

from oyez.cli import main

if __name__ == "__main__":
    main()
