"""The drill's lean HTTP client, by the name that tests and benchmarks know."""

from bongsu.drill.http_client import Answer, Connection, ConnectionLost, HttpClient

__all__ = ["Answer", "Connection", "ConnectionLost", "HttpClient"]
