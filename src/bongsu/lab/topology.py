"""What a lab consists of: sites, addresses, ports, secrets; laid out once, kept in `lab.json`."""

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

import msgspec

from bongsu.errors import OperatorError

SITES_MIN = 3  # fewer have no majority without one of them
SITES_MAX = 7
NODES_MAX = 8
LABS_MAX = 32  # at once on one machine
SCOPE = "bongsu"  # Patroni's name for the cluster

ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
POSTGRES_PORT = 5432
PATRONI_PORT = 7008
WITNESS_PORT = 7009
NATS_PORT = 4222
NATS_CLUSTER_PORT = 6222
NATS_MONITOR_PORT = 8222
NODE_PORT = 8008  # and the next ones
DESK_PORT = NODE_PORT + NODES_MAX
_FIXED_PORTS = (
    ETCD_PORT, ETCD_PEER_PORT, POSTGRES_PORT, PATRONI_PORT, WITNESS_PORT,
    NATS_PORT, NATS_CLUSTER_PORT, NATS_MONITOR_PORT, NODE_PORT, DESK_PORT,
)  # fmt: skip
# SeaweedFS also listens on 127.0.0.1 and on unix sockets in /tmp named by their ports alone, so
# that even on addresses of their own two of them need different ports.
SEAWEED_PORT = 21000
SEAWEED_PORTS = 8  # master, volume, filer, S3, and the gRPC port of each

_CLAIMS = Path("/tmp/bongsu-labs")


class Secrets(msgspec.Struct, frozen=True):
    """Random words that the lab's parts know one another by."""

    superuser: str
    replication: str
    rewind: str
    database: str
    nats: str
    s3_access: str
    s3_secret: str

    @property
    def s3_keys(self) -> dict[str, str]:
        """As the settings' `media_keys` has them."""
        return {"access_key": self.s3_access, "secret_key": self.s3_secret}


class Site(msgspec.Struct, frozen=True):
    """One data centre. `folder` is absolute."""

    name: str
    address: str
    folder: str
    seaweed_port: int

    def path(self, component: str) -> Path:
        """The folder of one of its processes."""
        return Path(self.folder) / component

    def url(self, port: int) -> str:
        return f"http://{self.address}:{port}"

    @property
    def s3_url(self) -> str:
        return self.url(self.seaweed_port + 3)


class Lab(msgspec.Struct, frozen=True):
    """All sites. `number` tells labs on one machine apart; `rtt_ms` is between isolated sites."""

    folder: str
    number: int
    sites: list[Site]
    nodes: int
    isolated: bool
    rtt_ms: float
    secrets: Secrets

    @property
    def path(self) -> Path:
        return Path(self.folder)

    @property
    def ready_mark(self) -> Path:
        """A file that says: the database is there, nodes may start."""
        return self.path / "ready"

    def site(self, name: str) -> Site:
        for site in self.sites:
            if site.name == name:
                return site
        names = ", ".join(site.name for site in self.sites)
        raise OperatorError(f"There is no site {name!r} in {self.folder}: it has {names}")

    def others(self, site: Site) -> list[Site]:
        return [other for other in self.sites if other.name != site.name]

    def own_first(self, site: Site) -> list[Site]:
        return [site, *self.others(site)]

    @property
    def network(self) -> str:
        """All addresses from which the lab's parts connect."""
        return f"{_isolated_address(self.number, 0)[:-1]}0/21" if self.isolated else "127.0.0.0/8"

    @property
    def host_address(self) -> str:
        """The machine's own address in the network of isolated sites."""
        return _isolated_address(self.number, 0)

    def node_urls(self, site: Site) -> list[str]:
        return [site.url(NODE_PORT + number) for number in range(self.nodes)]

    def desk_url(self, site: Site) -> str:
        return site.url(DESK_PORT)

    def database_url(self, sites: list[Site]) -> str:
        hosts = ",".join(f"{site.address}:{POSTGRES_PORT}" for site in sites)
        return f"postgresql://bongsu:{self.secrets.database}@{hosts}/bongsu"

    def superuser_url(self, site: Site, database: str = "postgres") -> str:
        password = self.secrets.superuser
        return f"postgresql://postgres:{password}@{site.address}:{POSTGRES_PORT}/{database}"


def load(folder: Path) -> Lab:
    """The lab in `folder`; `OperatorError` if there is none."""
    lab = find(folder)
    if lab is None:
        raise OperatorError(f"There is no lab in {folder.absolute()}: run `bongsu lab up` first")
    return lab


def find(folder: Path) -> Lab | None:
    """The lab in `folder`, if one was laid out there."""
    try:
        return msgspec.json.decode((folder / "lab.json").read_bytes(), type=Lab)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise OperatorError(f"{folder / 'lab.json'} cannot be read: {error}") from None


def lay_out(folder: Path, *, sites: int, nodes: int, isolated: bool, rtt_ms: float) -> Lab:
    """Choose addresses and secrets for a new lab in `folder` and write them down."""
    folder = folder.resolve()
    number = _claim(folder, sites, isolated)
    lab = Lab(
        folder=str(folder),
        number=number,
        sites=[_site(folder, number, n, isolated) for n in range(1, sites + 1)],
        nodes=nodes,
        isolated=isolated,
        rtt_ms=rtt_ms,
        secrets=Secrets(*(secrets.token_hex(16) for _ in Secrets.__struct_fields__)),
    )
    save(lab)
    return lab


def save(lab: Lab) -> None:
    """Write `lab.json`, readable for its owner alone; whole or not at all."""
    fresh = lab.path / "lab.json.new"
    fresh.touch(0o600)
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(lab)))
    fresh.rename(lab.path / "lab.json")


def give_back(lab: Lab) -> None:
    """Let another lab have this one's addresses."""
    (_CLAIMS / str(lab.number)).unlink(missing_ok=True)


def _site(folder: Path, number: int, n: int, isolated: bool) -> Site:
    name = chr(ord("a") + n - 1)
    address = _isolated_address(number, n) if isolated else f"127.{number}.{n}.1"
    port = SEAWEED_PORT + (number * (SITES_MAX + 1) + n) * SEAWEED_PORTS
    return Site(name, address, str(folder / name), port)


def _isolated_address(number: int, n: int) -> str:
    """In the range that is kept for testing networks (RFC 2544): nobody else uses it."""
    return f"198.18.{number * (SITES_MAX + 1) + n}.1"


def _claim(folder: Path, sites: int, isolated: bool) -> int:
    """A number whose addresses nobody uses, written down against labs laid out meanwhile."""
    _CLAIMS.mkdir(exist_ok=True)
    if _CLAIMS.stat().st_uid == os.geteuid():
        _CLAIMS.chmod(0o1777)
    taken: set[str] = set()
    for number in range(LABS_MAX):
        if _claim_number(_CLAIMS / str(number), folder):
            used = _used_device(number) if isolated else set(map(str, _used_ports(number, sites)))
            used |= _used_sockets(number, sites)
            if not used:
                return number
            (_CLAIMS / str(number)).unlink()
            taken |= used
    ports = f" (in use: {', '.join(sorted(taken))})" if taken else ""
    raise OperatorError(f"No free loopback addresses for a lab{ports}: end other labs first")


def _claim_number(claim: Path, folder: Path) -> bool:
    """Whether `claim` is ours now: free, ours before, or of a lab that is gone."""
    try:
        with claim.open("x") as file:
            file.write(str(folder))
        return True
    except FileExistsError:
        pass
    try:
        holder = Path(claim.read_text())
        if holder != folder and (holder / "lab.json").exists():
            return False
        claim.write_text(str(folder))
        return True
    except OSError:  # of another user, or given back meanwhile
        return False


def remove_seaweed_sockets(site: Site) -> None:
    """What a SeaweedFS that was killed left in /tmp; nothing of the site may run."""
    for path in _seaweed_sockets(site):
        with suppress(OSError):
            path.unlink()


def _seaweed_sockets(site: Site) -> list[Path]:
    ports = range(site.seaweed_port, site.seaweed_port + SEAWEED_PORTS)
    return [path for port in ports for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock")]


def _used_sockets(number: int, sites: int) -> set[str]:
    """Sockets of somebody else that we may not remove: his SeaweedFS, dead or alive, would be
    asked instead of ours."""
    found = [
        path
        for n in range(1, sites + 1)
        for path in _seaweed_sockets(_site(Path("/"), number, n, isolated=False))
    ]
    return {str(path) for path in found if os.geteuid() not in (0, _owner(path))}


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except FileNotFoundError:
        return os.geteuid()  # gone meanwhile


def _used_device(number: int) -> set[str]:
    """The device of a switch that outlived its lab."""
    device = Path("/sys/class/net", f"bongsu{number}")
    return {device.name} if device.exists() else set()


def _used_ports(number: int, sites: int) -> set[int]:
    used: set[int] = set()
    for n in range(1, sites + 1):
        site = _site(Path("/"), number, n, isolated=False)
        seaweed = range(site.seaweed_port, site.seaweed_port + SEAWEED_PORTS)
        used |= {port for port in (*_FIXED_PORTS, *seaweed) if not _is_free(site.address, port)}
    return used


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
