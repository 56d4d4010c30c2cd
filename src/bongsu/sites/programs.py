"""The small programs of a site: make the database and the bucket, archive, back up."""

from bongsu.lab.patroni import CONNECTIONS_MAX, PARAMETERS
from bongsu.lab.seaweed import BUCKET
from bongsu.lab.topology import POSTGRES_PORT, Secrets
from bongsu.sites.description import Site
from bongsu.sites.engines import DATABASE, SEAWEED_PORT

BACKUPS_KEPT = 7
BUCKET_SECONDS_MAX = 60
RESTORE_SECONDS_MAX = 86400


def database_sql(secrets: Secrets) -> str:
    """Run once, by Patroni, where the cluster is born: no standby is there to wait for."""
    return (
        "SET synchronous_commit = local;\n"
        f"CREATE ROLE bongsu LOGIN PASSWORD '{secrets.database}';\n"
        "GRANT pg_monitor TO bongsu;  -- a node asks each server how far it has come\n"
        "CREATE ROLE bongsu_desk NOLOGIN;  -- the desk works as it\n"
        "GRANT bongsu_desk TO bongsu;\n"
        f"CREATE DATABASE {DATABASE} OWNER bongsu TEMPLATE template0 ENCODING UTF8 LOCALE 'C';\n"
    )


def make_database(site: Site) -> str:
    return f"""#!/bin/sh
# Patroni calls it with the new cluster's address, when there is none yet anywhere.
set -eu
exec {site.postgres_bin}/psql -X -q -v ON_ERROR_STOP=1 -d "$1" -f {site.etc}/database.sql
"""


def make_bucket(site: Site) -> str:
    """After each start of SeaweedFS; may be repeated."""
    master = f"127.0.0.1:{SEAWEED_PORT}.{SEAWEED_PORT + 4}"
    filer = f"127.0.0.1:{SEAWEED_PORT + 2}.{SEAWEED_PORT + 6}"
    return f"""#!/bin/sh
# Makes the bucket and has every write to it fsync'd.
for second in $(seq {BUCKET_SECONDS_MAX}); do
  said=$(timeout 20 {site.venv}/bin/weed shell -master={master} -filer={filer} <<'ORDERS'
s3.bucket.create -name {BUCKET}
fs.configure -locationPrefix=/buckets/{BUCKET} -fsync=true -apply
exit
ORDERS
)
  case "$said" in *'"fsync":'*true*) exit 0 ;; esac
  sleep 1
done
echo "$said" >&2
exit 1
"""


def archive_wal(site: Site) -> str:
    """Each site archives for itself. PostgreSQL may ask again for a file that is there."""
    return f"""#!/bin/sh
# archive-wal PATH NAME: succeeds when the copy is on disk. Never overwrites another content.
set -eu
to={site.backup}/wal/$2
if [ -e "$to" ]; then exec cmp -s "$1" "$to"; fi
cp "$1" "$to.part"
sync "$to.part"
mv "$to.part" "$to"
sync {site.backup}/wal
"""


def restore_wal(site: Site) -> str:
    return f"""#!/bin/sh
# restore-wal NAME PATH: what PostgreSQL's restore_command calls.
exec cp {site.backup}/wal/"$1" "$2"
"""


def restore(site: Site) -> str:
    """Alone and reached by its socket only, until Patroni takes it over."""
    options = {
        "restore_command": f"'{site.etc}/restore-wal %f %p'",
        "recovery_target_time": "'$2'",
        "recovery_target_action": "promote",
        "max_connections": CONNECTIONS_MAX,  # no fewer than the primary had
        "max_wal_senders": PARAMETERS["max_wal_senders"],
        "synchronous_standby_names": "''",
        "archive_mode": "off",
        "listen_addresses": "''",
        "unix_socket_directories": site.data,
        "logging_collector": "off",
    }
    flags = " ".join(f"-c {name}={value}" for name, value in options.items())
    return f"""#!/bin/sh
# restore BACKUP 'TIME': recovers a base backup (a name in {site.backup}/base) to a moment
# ('2026-11-22 14:30:00+00') in the place of a database that was stopped and moved away.
set -eu
umask 077
to={site.data}/postgres
if [ -e "$to" ]; then echo "$to is there: stop bongsu-patroni and move it away" >&2; exit 1; fi
rm -rf "$to.part"
cp -a "{site.backup}/base/$1" "$to.part"
rm -f "$to.part/standby.signal"
# Where the backup is of a standby Patroni names every recovery target there is, if only as empty.
# At a cluster's first start it writes "ANY None (*)": ignored while running, fatal to a start.
sed -i '/^recovery_target/d; /^synchronous_standby_names/d' "$to.part/postgresql.conf"
touch "$to.part/recovery.signal"
echo 'local all all trust' > "$to.part/pg_hba.conf"  # Patroni writes its own again
mv "$to.part" "$to"
{site.postgres_bin}/pg_ctl -D "$to" -w -t {RESTORE_SECONDS_MAX} -l {site.data}/restore.log start \\
  -o "{flags}" || {{ tail -n 20 {site.data}/restore.log >&2; exit 1; }}
until [ "$({site.postgres_bin}/psql -h {site.data} -U postgres -d postgres -Atc \\
  'SELECT pg_is_in_recovery()')" = f ]; do sleep 1; done
echo "recovered: {site.postgres_bin}/psql -h {site.data} -U postgres {DATABASE}"
"""


def base_backup(site: Site) -> str:
    """`fetch`, not `stream`: with no standby left a stream would be counted as one."""
    tls = f"sslmode=verify-full sslrootcert={site.ca}"
    return f"""#!/bin/sh
# A base backup of this site's own server, verified; the last {BACKUPS_KEPT} are kept, and the WAL
# that they need.
set -eu
umask 077
cd {site.backup}/base
name=$(date -u +%Y%m%dT%H%M%SZ)
rm -rf ./*.part
export PGPASSFILE={site.etc}/pgpass
{site.postgres_bin}/pg_basebackup --pgdata="$name.part" --wal-method=fetch --checkpoint=fast \\
  --dbname="host={site.ip} port={POSTGRES_PORT} user=replicator {tls}"
{site.postgres_bin}/pg_verifybackup --quiet "$name.part"
sync --file-system "$name.part"
mv "$name.part" "$name"
ls -1d 2*Z | head -n -{BACKUPS_KEPT} | xargs -r rm -rf
oldest=$(ls -1d 2*Z | head -n 1)
first=$(sed -n 's/^START WAL LOCATION: .*(file \\([0-9A-F]*\\)).*/\\1/p' "$oldest/backup_label")
{site.postgres_bin}/pg_archivecleanup {site.backup}/wal "$first"
echo "backed up: {site.backup}/base/$name"
"""


def pgpass(secrets: Secrets) -> str:
    words = (
        ("replicator", secrets.replication),
        ("postgres", secrets.superuser),
        ("bongsu", secrets.database),
    )
    return "".join(f"*:{POSTGRES_PORT}:*:{user}:{word}\n" for user, word in words)
