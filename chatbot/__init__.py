"""The web application, and the domain that all processes share."""

__version__ = "0.1.0"
