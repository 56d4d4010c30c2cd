"""The configurations of Bongsu's own processes: the witness, the node and the desk."""

from typing import Any
from urllib.parse import urlsplit

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

DESK_PORT = 8009


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
    return toml(
        {
            "listen": f"{site.host}:{NODE_PORT}",
            "data": str(site.data / "node"),
            **({"client_sites": client_sites(site)} if site.all.public_site_url else {}),
            "registration": "closed",
            **_shared(site, secrets),
        }
    )


def desk(site: Site, secrets: Secrets) -> str:
    """It keeps its own beside the node's, and may ask every site how it is."""
    return toml(
        {
            "desk_listen": f"{site.host}:{DESK_PORT}",
            "data": str(site.data),
            "desk_keys": str(site.etc / "desk_keys"),
            **({"desk_client_origins": _origins(site)} if site.all.public_site_url else {}),
            "desk_probe_networks": ["127.0.0.0/8", "::1/128"]
            + [each.network for each in site.own_first],
            **_shared(site, secrets),
        }
    )


def _shared(site: Site, secrets: Secrets) -> dict[str, Any]:
    """What node and desk of a site have in common: the sites' engines, and their public names."""
    told = {
        "public_base_url": site.all.public_base_url,
        "desk_public_url": site.all.desk_public_url,
    }
    return {
        "site": site.name,
        "server_name": site.all.server_name,
        **{name: url for name, url in told.items() if url},
        "database_url": database_url(site, secrets, site.own_first),
        "replica_url": database_url(site, secrets, [site]),
        "nats_url": ",".join(nats_urls(site, secrets)),
        "media_stores": [f"{each.name}={s3_url(each)}" for each in site.own_first],
        "media_keys": str(site.etc / "media_keys.toml"),
        "log_format": "json",
    }


def client_sites(site: Site) -> list[str]:
    """Every site as clients reach it: the same list at each, so every page allows all of them."""
    url = site.all.public_site_url
    return [f"{name}={url.replace(SITE_PLACE, name)}" for name in site.all.sites]


def _origins(site: Site) -> list[str]:
    """Where every site's browser client comes from."""
    urls = (urlsplit(each.partition("=")[2].lower()) for each in client_sites(site))
    return [f"{url.scheme}://{url.netloc}" for url in urls]


def media_keys(secrets: Secrets) -> str:
    return toml({"access_key": secrets.s3_access, "secret_key": secrets.s3_secret})


def database_url(site: Site, secrets: Secrets, servers: list[Site]) -> str:
    hosts = ",".join(f"{each.host}:{POSTGRES_PORT}" for each in servers)
    tls = f"sslmode=verify-full&sslrootcert={site.ca}"
    return f"postgresql://bongsu:{secrets.database}@{hosts}/{DATABASE}?{tls}"
