"""The Python client of stepd."""
