"""Make, or bring up to date, the files of all sites in one folder.

DIR/sites.toml       the description, to be kept and edited
DIR/secrets.json     what the sites share; DIR/ca/: who may belong to them. Keep a copy, safely.
DIR/desk_keys        what seals personal data at the desk; without it that is lost
DIR/<site>/README.md the commands to run there, in order
DIR/<site>/etc/      for /etc/bongsu;  DIR/<site>/systemd/: for /etc/systemd/system
"""

import datetime
import secrets as chance
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bongsu.errors import OperatorError
from bongsu.files.desk_keys import load_file_keys
from bongsu.lab.topology import Secrets
from bongsu.sites import engines, own, programs
from bongsu.sites.authority import Authority
from bongsu.sites.description import FILE_NAME, Description, Site, describe, load
from bongsu.sites.files import Folder, write_secret
from bongsu.sites.readme import readme
from bongsu.sites.units import units


@dataclass(frozen=True)
class Outcome:
    """Names of files that changed, below the folder; names of sites that are new."""

    changed: list[str]
    joined: list[str]


def init(
    out: Path, description: Description, *, joining: Collection[str] = (), force: bool = False
) -> Outcome:
    """Write everything for `description` into `out`.

    `joining` names sites whose etcd finds the others running: one more, or a new machine for a dead
    one. `OperatorError`, with nothing written, for what could destroy and is not forced.
    """
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    out.chmod(0o700)
    before = load(out / FILE_NAME).get("sites", {})
    if not force:
        _refuse_to_move(before, description)
    new = [name for name in description.sites if before and name not in before]
    if len(new) > 1:
        raise OperatorError(
            f"{', '.join(new)} are new: etcd takes one after the other, so must you"
        )
    joined = sorted({*description.joined, *joining, *new})
    description = msgspec.structs.replace(description, joined=joined)
    shared = _secrets(out / "secrets.json")
    desk_keys = _desk_keys(out / "desk_keys")
    authority = Authority(out / "ca", datetime.datetime.now(datetime.UTC))
    files: dict[str, str] = {FILE_NAME: description.as_toml()}
    for name in description.sites:
        site = description.site(name)
        made = _files(site, shared, is_joining=name in joined)
        made |= {"etc/ca.pem": authority.pem, "etc/desk_keys": desk_keys}
        made |= _certificate(out / name / "etc", site, authority)
        files |= {f"{name}/{below}": text for below, text in made.items()}
    return Outcome(Folder(out).write(files, force=force), new)


def merged(out: Path, *layers: dict[str, object]) -> Description:
    """What `out` was made from, under the layers."""
    return describe(load(out / FILE_NAME), *layers)


def _refuse_to_move(before: dict[str, str], description: Description) -> None:
    moved = [f"{name} was at {ip}" for name, ip in before.items() if description.sites[name] != ip]
    if moved:
        raise OperatorError(
            f"{'; '.join(moved)}: that site's certificate and everybody's configuration would "
            "change, say --force if you mean it"
        )


def _files(site: Site, secrets: Secrets, *, is_joining: bool) -> dict[str, str]:
    etc = {
        "etcd.env": engines.etcd_environment(site, secrets, is_joining=is_joining),
        "patroni.yml": engines.patroni(site, secrets),
        "nats.conf": engines.nats(site, secrets),
        "s3.json": engines.seaweed_identities(secrets),
        "witness.toml": own.witness(site, secrets),
        "bongsu.toml": own.node(site, secrets),
        "desk.toml": own.desk(site, secrets),
        "media_keys.toml": own.media_keys(secrets),
        "database.sql": programs.database_sql(secrets),
        "pgpass": programs.pgpass(secrets),
        "make-database": programs.make_database(site),
        "make-bucket": programs.make_bucket(site),
        "archive-wal": programs.archive_wal(site),
        "restore-wal": programs.restore_wal(site),
        "restore": programs.restore(site),
        "base-backup": programs.base_backup(site),
    }
    return {
        "README.md": readme(site, is_joining=is_joining),
        **{f"etc/{name}": text for name, text in etc.items()},
        **{f"systemd/{name}": text for name, text in units(site).items()},
    }


def _certificate(etc: Path, site: Site, authority: Authority) -> dict[str, str]:
    """The one that is there, if it is good, else a new one."""
    certificate, key = etc / "site.pem", etc / "site.key"
    if (
        certificate.exists()
        and key.exists()
        and authority.is_good(certificate.read_text(), site.ip)
    ):
        pems = certificate.read_text(), key.read_text()
    else:
        pems = authority.issue(site.name, site.ip)
    return {"etc/site.pem": pems[0], "etc/site.key": pems[1]}


def _secrets(path: Path) -> Secrets:
    """The shared words, made once. Hexadecimal: nothing in a file or URL needs quotes for them."""
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    made = Secrets(*(chance.token_hex(24) for _ in Secrets.__struct_fields__))
    write_secret(path, msgspec.json.format(msgspec.json.encode(made)).decode() + "\n")
    return made


def _desk_keys(path: Path) -> str:
    """The key file, checked; made once. Keys are added to it here, and go to the sites from here:
    a desk would seal with a key that the others have not got."""
    load_file_keys(path)
    return path.read_text()
