"""`python -m llm_gateway` is the command `llm-gateway`."""

from .bootstrap.main import main

if __name__ == "__main__":
    main()
