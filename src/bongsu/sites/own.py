"""The configurations of Bongsu's own processes: the witness and the node."""

from bongsu.lab.component import toml
from bongsu.lab.topology import (
    ETCD_PORT,
    NODE_PORT,
    PATRONI_PORT,
    POSTGRES_PORT,
    SCOPE,
    WITNESS_PORT,
    Secrets,
)
from bongsu.sites.description import SITE_PLACE, Site
from bongsu.sites.engines import DATABASE, nats_urls, s3_url


def witness(site: Site, secrets: Secrets) -> str:
    return toml(
        {
            "site": site.name,
            "scope": SCOPE,
            "etcd": [each.url(ETCD_PORT) for each in site.own_first],
            "listen": f"127.0.0.1:{WITNESS_PORT}",
            "superuser_dsn": (
                f"postgresql://postgres:{secrets.superuser}@{site.host}:{POSTGRES_PORT}/postgres"
            ),
        },
        {
            "patroni": {each.name: each.url(PATRONI_PORT) for each in site.own_first},
            "postgres": {each.name: f"{each.host}:{POSTGRES_PORT}" for each in site.own_first},
            "tls": {
                "ca": str(site.ca),
                "certificate": str(site.certificate),
                "key": str(site.key),
            },
        },
    )


def node(site: Site, secrets: Secrets) -> str:
    base_url = site.all.public_base_url
    return toml(
        {
            "site": site.name,
            "listen": f"{site.host}:{NODE_PORT}",
            "data": str(site.data / "node"),
            "server_name": site.all.server_name,
            **({"public_base_url": base_url} if base_url else {}),
            **({"client_sites": client_sites(site)} if site.all.public_site_url else {}),
            "registration": "closed",
            "database_url": database_url(site, secrets, site.own_first),
            "replica_url": database_url(site, secrets, [site]),
            "nats_url": ",".join(nats_urls(site, secrets)),
            "media_stores": [f"{each.name}={s3_url(each)}" for each in site.own_first],
            "media_keys": str(site.etc / "media_keys.toml"),
            "log_format": "json",
        }
    )


def client_sites(site: Site) -> list[str]:
    """Every site as clients reach it: the same list at each, so every page allows all of them."""
    url = site.all.public_site_url
    return [f"{name}={url.replace(SITE_PLACE, name)}" for name in site.all.sites]


def media_keys(secrets: Secrets) -> str:
    return toml({"access_key": secrets.s3_access, "secret_key": secrets.s3_secret})


def database_url(site: Site, secrets: Secrets, servers: list[Site]) -> str:
    hosts = ",".join(f"{each.host}:{POSTGRES_PORT}" for each in servers)
    tls = f"sslmode=verify-full&sslrootcert={site.ca}"
    return f"postgresql://bongsu:{secrets.database}@{hosts}/{DATABASE}?{tls}"
