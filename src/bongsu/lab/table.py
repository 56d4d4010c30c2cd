"""The status as one table for people."""

from typing import Any

from bongsu.lab.component import State
from bongsu.lab.status import Status

_HEADINGS = (
    "site",
    "address",
    "etcd",
    "postgres",
    "lag",
    "nats",
    "seaweed",
    "witness",
    "nodes",
    "desk",
    "partitions",
)


def table(status: Status) -> str:
    """One line a site, then who is primary and what is cut."""
    rows = [_HEADINGS]
    rows += [_row(name, site) for name, site in status["sites"].items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.append(f"primary: {status['primary'] or 'none'}")
    if status.get("cuts"):
        lines.append("cut: " + ", ".join(f"{a} -> {b}" for a, b in status["cuts"]))
    return "\n".join(lines)


def _row(name: str, site: dict[str, Any]) -> tuple[str, ...]:
    parts = site["components"]
    nodes = [state for part, state in parts.items() if part.startswith("node")]
    return (
        name,
        site["address"],
        _said(parts["etcd"], "leader" if parts["etcd"].get("leader") else "follower"),
        _said(parts["patroni"], _postgres(parts["patroni"])),
        _lag(parts["patroni"]),
        _said(parts["nats"], f"up, {parts['nats'].get('routes')} routes"),
        _said(parts["seaweed"], "up"),
        _said(parts["witness"], "up") if "witness" in parts else "-",
        f"{sum(node['state'] == 'up' for node in nodes)}/{len(nodes)}" if nodes else "-",
        _said(parts["desk"], _desk(parts["desk"])) if "desk" in parts else "-",
        str(sum(node.get("partitions", 0) for node in nodes)) if nodes else "-",
    )


def _said(part: State, when_up: str) -> str:
    return when_up if part["state"] == "up" else str(part["state"])


def _desk(part: State) -> str:
    return "up" if part.get("database") else "up, no database"


def _postgres(part: State) -> str:
    if part.get("role") == "primary":
        return f"primary, timeline {part['timeline']}"
    return "replica" if part.get("streaming") else "replica, not streaming"


def _lag(part: State) -> str:
    return f"{part['lag_bytes']} B" if "lag_bytes" in part else "-"
