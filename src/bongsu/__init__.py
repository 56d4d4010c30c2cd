"""Bongsu: a Matrix messenger that goes on when a data centre stops."""

__version__ = "0.1.0"
