"""The systemd units of a site; `bongsu.target` starts and stops them together."""

from pathlib import Path

from bongsu.sites.description import Site
from bongsu.sites.engines import seaweed_command

TARGET = "bongsu.target"
FILES_MAX = 65536


def units(site: Site) -> dict[str, str]:
    """Texts by name."""
    venv, etc = f"{site.venv}/bin", site.etc
    weed = f"ExecStartPost={etc}/make-bucket\nTimeoutStartSec=120"
    # Patroni ends PostgreSQL itself; one that died must not take it along.
    patroni = "KillMode=process\nTimeoutStopSec=60\nOOMScoreAdjust=-900"
    # nats-py and the media client trust the system's authorities, and this one beside them.
    trust = f"Environment=SSL_CERT_FILE={site.ca}\nTimeoutStopSec=60"
    nats = f"{venv}/nats-server --config {etc}/nats.conf"
    services = {
        "etcd": ("/usr/bin/etcd", f"Type=notify\nEnvironmentFile={etc}/etcd.env"),
        "patroni": (f"{venv}/patroni {etc}/patroni.yml", patroni),
        "nats": (nats, ""),
        "seaweed": (seaweed_command(site), weed),
        "witness": (f"{venv}/bongsu witness --log-format json --config {etc}/witness.toml", ""),
        "node": (f"{venv}/bongsu serve --config {etc}/bongsu.toml", trust),
        "desk": (f"{venv}/bongsu desk --config {etc}/desk.toml", trust),
    }
    files = {
        f"bongsu-{name}.service": _service(site, name, command, more)
        for name, (command, more) in services.items()
    }
    return {**files, TARGET: _target(list(files)), **_backup(site)}


def _service(site: Site, name: str, command: str, more: str) -> str:
    return f"""[Unit]
Description=Bongsu, site {site.name}: {name}
After=network-online.target
Wants=network-online.target
PartOf={TARGET}
StartLimitIntervalSec=0

[Service]
ExecStart={command}
{more}{chr(10) if more else ""}Restart=always
RestartSec=1
LimitNOFILE={FILES_MAX}
{_confined(site, [site.data, site.backup])}
[Install]
WantedBy={TARGET}
"""


def _confined(site: Site, writable: list[Path]) -> str:
    """It writes below its own folders and nowhere else."""
    return f"""User={site.all.account}
Group={site.all.account}
UMask=0077
WorkingDirectory={site.data}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths={" ".join(map(str, writable))}
"""


def _target(services: list[str]) -> str:
    return f"""[Unit]
Description=Bongsu: everything of this site
Wants={" ".join(services)} bongsu-base-backup.timer

[Install]
WantedBy=multi-user.target
"""


def _backup(site: Site) -> dict[str, str]:
    service = f"""[Unit]
Description=Bongsu, site {site.name}: base backup

[Service]
Type=oneshot
ExecStart={site.etc}/base-backup
Nice=10
IOSchedulingClass=idle
{_confined(site, [site.backup])}"""
    timer = f"""[Unit]
Description=Bongsu, site {site.name}: base backup, each night
PartOf={TARGET}

[Timer]
OnCalendar=daily
RandomizedDelaySec=4h
Persistent=true

[Install]
WantedBy={TARGET}
"""
    return {"bongsu-base-backup.service": service, "bongsu-base-backup.timer": timer}
