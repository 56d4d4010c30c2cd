"""The page that lies beside a site's files: what to run there, in order."""

from bongsu.lab.topology import (
    ETCD_PEER_PORT,
    ETCD_PORT,
    NATS_CLUSTER_PORT,
    NATS_PORT,
    NODE_PORT,
    PATRONI_PORT,
    POSTGRES_PORT,
    WITNESS_PORT,
)
from bongsu.sites.description import Site
from bongsu.sites.engines import S3_PORT
from bongsu.sites.own import DESK_PORT

PORTS = (
    ETCD_PORT, ETCD_PEER_PORT, POSTGRES_PORT, PATRONI_PORT, NATS_PORT, NATS_CLUSTER_PORT, S3_PORT,
)  # fmt: skip


def readme(site: Site, *, is_joining: bool) -> str:
    others = ", ".join(f"{each.name} ({each.ip})" for each in site.own_first[1:])
    return "\n".join(
        [
            f"# Site {site.name} ({site.ip})",
            "",
            f"The other sites: {others}. Run all of this on {site.ip}, as root, in this folder.",
            "",
            _prepare(site),
            _JOIN.format(**_names(site)) if is_joining else "",
            _start(site),
            _check(site),
        ]
    )


def _names(site: Site) -> dict[str, str]:
    account, etc = site.all.account, str(site.etc)
    tls = f"--cacert {etc}/ca.pem --cert {etc}/site.pem --key {etc}/site.key"
    other = site.own_first[1]
    return {
        "site": site.name,
        "account": account,
        "etc": etc,
        "data": str(site.data),
        "backup": str(site.backup),
        "venv": str(site.venv),
        "bin": str(site.postgres_bin),
        "tls": tls,
        "own": site.url(ETCD_PORT),
        "other": other.url(ETCD_PORT),
        "peer": site.url(ETCD_PEER_PORT),
        "node": site.url(NODE_PORT, "http"),
        "ports": " ".join(map(str, PORTS)),
        "client_port": str(NODE_PORT),
        "desk_port": str(DESK_PORT),
        "desk": site.url(DESK_PORT, "http"),
        "witness": f"http://127.0.0.1:{WITNESS_PORT}",
        "others": " ".join(each.ip for each in site.own_first[1:]),
    }


def _prepare(site: Site) -> str:
    return _PREPARE.format(**_names(site))


def _start(site: Site) -> str:
    return _START.format(**_names(site))


def _check(site: Site) -> str:
    return _CHECK.format(**_names(site))


_PREPARE = """## 1. Programs
PostgreSQL 18 of a distribution (apt.postgresql.org has it; the build in the Python wheel knows no
TLS), etcd, and Bongsu with the other engines:

```
apt-get install postgresql-18 etcd-server etcd-client python3-venv fonts-nanum
systemctl disable --now postgresql etcd          # the packages' own services
python3 -m venv {venv}
{venv}/bin/pip install 'bongsu[sites]'           # or the path of your copy, with [sites]
```

## 2. Account, folders, files
```
useradd --system --home-dir {data} --shell /usr/sbin/nologin {account}
install -d -o {account} -g {account} -m 0700 {etc} {data} {backup}
for d in {data}/etcd {data}/patroni {data}/seaweed {data}/node {data}/desk {backup}/wal \
  {backup}/base; do install -d -o {account} -g {account} -m 0700 $d; done
cp etc/* {etc}/ && chown {account}:{account} {etc}/*
cp systemd/* /etc/systemd/system/ && systemctl daemon-reload
```

## 3. Firewall
Let {others} reach these ports here, and nobody else: {ports}.
Clients (or the proxy that ends their TLS) come to {client_port}, people who ask the desk to
{desk_port}. The clock must be kept (NTP).
"""

_JOIN = """## 3a. Tell the etcd of the others (once, before the first start here)
```
etcdctl --endpoints {other} {tls} member list
etcdctl --endpoints {other} {tls} member remove ID    # only if the list names an earlier {site}
etcdctl --endpoints {other} {tls} member add {site} --peer-urls={peer}
```
"""

_START = """## 4. Start
etcd first, at all new sites: it waits until a majority is there. Then the rest.

```
systemctl enable --now bongsu-etcd
systemctl enable --now bongsu.target bongsu-patroni bongsu-nats bongsu-seaweed bongsu-witness
systemctl enable --now bongsu-node bongsu-desk bongsu-base-backup.timer
```
"""

_CHECK = """## 5. Is it well?
```
etcdctl --endpoints {own} {tls} endpoint health --cluster   # every member: is healthy
{venv}/bin/patronictl -c {etc}/patroni.yml list             # one Leader, the others streaming
curl -s {witness}/status                                    # the witness sees the leader
curl -s {node}/ready                                        # ready
curl -s {desk}/health                                       # "database": true
systemctl start bongsu-base-backup && ls {backup}/base      # the first backup
journalctl -u 'bongsu-*' -n 50                              # when it is not
```
What else may happen is told in docs/operate.
"""
