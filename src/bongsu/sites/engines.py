"""The configurations of etcd, PostgreSQL under Patroni, NATS and SeaweedFS.

Their settings are the lab's, where sites are killed, cut and hung; what differs is TLS, which
everything between sites speaks, with a client's certificate wherever the engine can ask for one.
"""

import json
from collections.abc import Mapping
from typing import Any

from bongsu.lab.etcd import ELECTION_MS, HEARTBEAT_MS
from bongsu.lab.nats_cluster import PING_SECONDS, PINGS_UNANSWERED
from bongsu.lab.patroni import DYNAMIC, PARAMETERS
from bongsu.lab.seaweed import BUCKET
from bongsu.lab.topology import (
    ETCD_PEER_PORT,
    ETCD_PORT,
    NATS_CLUSTER_PORT,
    NATS_MONITOR_PORT,
    NATS_PORT,
    PATRONI_PORT,
    POSTGRES_PORT,
    SCOPE,
    Secrets,
)
from bongsu.nats.server_process import PAYLOAD_BYTES_MAX, PENDING_BYTES_MAX
from bongsu.sites.description import Site

S3_PORT = 8333
SEAWEED_PORT = 9333  # and the next ones, on loopback: nobody outside asks them
DATABASE = "bongsu"


def etcd_environment(site: Site, secrets: Secrets, *, is_joining: bool) -> str:
    """`is_joining`: the others run already and have been told of it."""
    client, peer = site.url(ETCD_PORT), site.url(ETCD_PEER_PORT)
    members = (f"{each.name}={each.url(ETCD_PEER_PORT)}" for each in site.own_first)
    options = {
        "name": site.name,
        "data-dir": site.data / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": ",".join(sorted(members)),
        "initial-cluster-state": "existing" if is_joining else "new",
        "initial-cluster-token": secrets.s3_access,  # a word of this deployment's own
        "heartbeat-interval": HEARTBEAT_MS,
        "election-timeout": ELECTION_MS,
        "pre-vote": "true",
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": "5m",
        "logger": "zap",
        "log-outputs": "stderr",
    }
    for prefix in ("", "peer-"):
        options |= {
            f"{prefix}cert-file": site.certificate,
            f"{prefix}key-file": site.key,
            f"{prefix}trusted-ca-file": site.ca,
            f"{prefix}client-cert-auth": "true",
        }
    return environment({f"ETCD_{name}": str(value) for name, value in options.items()})


def environment(values: Mapping[str, str]) -> str:
    """Variables as systemd and a shell read them: none of the values needs quotes."""
    return "".join(f"{name.upper().replace('-', '_')}={value}\n" for name, value in values.items())


def patroni(site: Site, secrets: Secrets) -> str:
    own = f"{site.host}:{PATRONI_PORT}"
    dynamic = {"use_pg_rewind": True, "use_slots": True, "parameters": _parameters(site)}
    configuration: dict[str, Any] = {
        "scope": SCOPE,
        "name": site.name,
        "restapi": {
            "listen": own,
            "connect_address": own,
            "certfile": str(site.certificate),
            "keyfile": str(site.key),
            "cafile": str(site.ca),
            "verify_client": "required",
        },
        "ctl": {
            "cacert": str(site.ca),
            "certfile": str(site.certificate),
            "keyfile": str(site.key),
        },
        "etcd3": {
            "hosts": [f"{each.host}:{ETCD_PORT}" for each in site.own_first],
            "protocol": "https",
            "cacert": str(site.ca),
            "cert": str(site.certificate),
            "key": str(site.key),
        },
        "bootstrap": {
            "dcs": {**DYNAMIC, "postgresql": dynamic},
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            "post_bootstrap": str(site.etc / "make-database"),
        },
        "postgresql": _postgresql(site, secrets),
        "watchdog": {"mode": "off"},
    }
    return json.dumps(configuration, indent=2) + "\n"  # JSON is YAML


def _parameters(site: Site) -> dict[str, str | int]:
    """Those that all sites must agree on; Patroni keeps them in etcd from the first start on."""
    memory = {"shared_buffers": f"{site.all.postgres_memory_mb}MB", "huge_pages": "try"}
    return {**PARAMETERS, **memory}


def _postgresql(site: Site, secrets: Secrets) -> dict[str, Any]:
    own = f"{site.host}:{POSTGRES_PORT}"
    tls = {"sslmode": "verify-full", "sslrootcert": str(site.ca)}
    words = {
        "superuser": ("postgres", secrets.superuser),
        "replication": ("replicator", secrets.replication),
        "rewind": ("rewinder", secrets.rewind),
    }
    who = [("all", "all"), ("replication", "replicator")]
    witness = site.etc / "witness.toml"
    return {
        "listen": own,
        "connect_address": own,
        "data_dir": str(site.data / "postgres"),
        "bin_dir": str(site.postgres_bin),
        "pgpass": str(site.data / "patroni" / "pgpass"),
        "authentication": {
            role: {"username": name, "password": word, **tls}
            for role, (name, word) in words.items()
        },
        "pg_hba": [
            f"hostssl {what} {user} {network} scram-sha-256"
            for what, user in who
            for network in ("127.0.0.1/32", *(each.network for each in site.own_first))
        ],
        # A site that comes back rejoins by itself, by a fresh copy if need be.
        "remove_data_directory_on_rewind_failure": True,
        "remove_data_directory_on_diverged_timelines": True,
        "basebackup": [{"checkpoint": "fast"}],
        "parameters": {
            "ssl": "on",
            "ssl_cert_file": str(site.certificate),
            "ssl_key_file": str(site.key),
            "ssl_ca_file": str(site.ca),
            # Every site archives what it receives, so that each has a whole archive of its own.
            "archive_mode": "always",
            "archive_command": f"{site.etc / 'archive-wal'} %p %f",
            "archive_timeout": 60,
        },
        "pre_promote": f"{site.venv}/bin/python -m bongsu.witness.pre_promote --config {witness}",
    }


def nats(site: Site, secrets: Secrets) -> str:
    user, password = SCOPE, secrets.nats
    tls = {
        "cert_file": str(site.certificate),
        "key_file": str(site.key),
        "ca_file": str(site.ca),
    }
    configuration: dict[str, Any] = {
        "server_name": site.name,
        "host": site.ip,
        "port": NATS_PORT,
        "http": f"127.0.0.1:{NATS_MONITOR_PORT}",
        "authorization": {"token": secrets.nats},
        "tls": tls,
        "max_payload": PAYLOAD_BYTES_MAX,
        "max_pending": PENDING_BYTES_MAX,
        "ping_interval": f"{PING_SECONDS}s",
        "ping_max": PINGS_UNANSWERED,
        "cluster": {
            "name": SCOPE,
            "host": site.ip,
            "port": NATS_CLUSTER_PORT,
            "authorization": {"user": user, "password": password, "timeout": 2},
            "tls": {**tls, "verify": True},
            "routes": [
                f"nats-route://{user}:{password}@{each.host}:{NATS_CLUSTER_PORT}"
                for each in site.own_first[1:]
            ],
        },
    }
    return json.dumps(configuration, indent=2) + "\n"


def nats_urls(site: Site, secrets: Secrets) -> list[str]:
    """Where a node of this site finds the bus, its own site's server first."""
    return [f"tls://{secrets.nats}@{each.host}:{NATS_PORT}" for each in site.own_first]


def seaweed_identities(secrets: Secrets) -> str:
    keys = {"accessKey": secrets.s3_access, "secretKey": secrets.s3_secret}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "bongsu", "credentials": [keys], "actions": actions}
    return json.dumps({"identities": [identity]}, indent=2) + "\n"


def seaweed_command(site: Site) -> str:
    """Only S3 listens beyond this machine, with TLS."""
    folder, port = site.data / "seaweed", SEAWEED_PORT
    options = [
        f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.ip.bind={site.ip}",
        "-filer", "-s3", f"-s3.config={site.etc / 's3.json'}", "-s3.iam=false",
        f"-master.port={port}", f"-volume.port={port + 1}", f"-filer.port={port + 2}",
        f"-master.port.grpc={port + 4}", f"-volume.port.grpc={port + 5}",
        f"-filer.port.grpc={port + 6}", f"-s3.port={S3_PORT}", f"-s3.port.grpc={port + 7}",
        f"-s3.cert.file={site.certificate}", f"-s3.key.file={site.key}",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock",
        "-volume.max=0", "-volume.preStopSeconds=0", "-master.telemetry=false",
    ]  # fmt: skip
    return " ".join([f"{site.venv}/bin/weed -logtostderr=true server", *options])


def s3_url(site: Site) -> str:
    return f"{site.url(S3_PORT)}/{BUCKET}"
