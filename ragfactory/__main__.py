"""`python -m ragfactory` is `ragfactory`."""

from ragfactory.cli.main import main

if __name__ == "__main__":
    main()
