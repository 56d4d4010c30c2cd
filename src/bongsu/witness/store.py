"""What the witnesses tell one another, and Patroni's keys, in etcd (v3, by its JSON gateway).

    /service/<scope>/leader, sync, config, members/<site>    Patroni's; written only by `depose`
    /service/<scope>/failover         Patroni's wish for a switchover; written by `hand_over`
    /bongsu/<scope>/suspect/<site>    revision suspected; lease 3 s
    /bongsu/<scope>/vote/<site>       revision voted against, 0 for none; no lease: the vote of a
                                      dead witness stands, for its fence does
    /bongsu/<scope>/request/<site>    a candidate asks for fences: {id, revision}; lease 10 s
    /bongsu/<scope>/handover          who asked last; while it lives nobody asks again
    /bongsu/<scope>/answer/<site>     {id, position, timeline}, to the request `id`; lease 60 s

Each reading is one transaction, so it is consistent and confirmed by a majority; every write that
matters compares what it rests on.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import Any, cast

import msgspec

from bongsu.witness.config import Config, address
from bongsu.witness.http_client import HttpClient
from bongsu.witness.model import (
    Address,
    Answer,
    Cast,
    Cluster,
    Depose,
    Found,
    HandOver,
    Leader,
    Request,
    Switchover,
    Sync,
    Vote,
    Withdraw,
)

SUSPECT_LEASE_SECONDS = 3
REQUEST_LEASE_SECONDS = 10
ANSWER_LEASE_SECONDS = 60
SILENCED_SECONDS = 60
SWITCHOVER_LEASE_SECONDS = 30  # a wish that nobody grants ends by itself

Json = dict[str, Any]


class Store:
    """etcd, as the witness of `config.site` uses it. Everything raises `CallFailed`."""

    def __init__(self, config: Config) -> None:
        self._site = config.site
        self._etcd = HttpClient(config.etcd, config.tls)
        self._patroni = f"{config.namespace.rstrip('/')}/{config.scope}/"
        self._own = f"/bongsu/{config.scope}/"
        self._suspect_lease: str | None = None

    def close(self) -> None:
        self._etcd.close()

    async def read(self) -> Cluster:
        """Everything, of one moment."""
        names = [self._patroni + name for name in ("leader", "sync", "config", "failover")]
        ranges = [_get(name) for name in names]
        ranges += [_get_all(self._patroni + "members/"), _get_all(self._own)]
        answer = await self._etcd.post("/v3/kv/txn", {"success": ranges})
        *patroni, members, own = [list(_pairs(each)) for each in answer["responses"]]
        leader, sync, config, failover = (found[0] if found else None for found in patroni)
        by_name = {pair.key[len(self._own) :]: pair for pair in own}
        return _cluster(leader, sync, config, failover, members, by_name)

    async def read_answers(self, request: str) -> dict[str, Found]:
        """The sites that fenced for `request`."""
        prefix = self._own + "answer/"
        answer = await self._etcd.post("/v3/kv/txn", {"success": [_get_all(prefix)]})
        found = [(pair.key[len(prefix) :], pair.json) for pair in _pairs(answer["responses"][0])]
        return {
            site: Found(int(value["position"]), int(value.get("timeline", 0)), "fenced")
            for site, value in found
            if value.get("id") == request
        }

    async def suspect(self, revision: int) -> None:
        """Say, or say again, that this reign is silent."""
        if self._suspect_lease is not None:
            body = {"ID": self._suspect_lease}
            answer = await self._etcd.post("/v3/lease/keepalive", body)
            if int(answer.get("result", {}).get("TTL", 0)) <= 0:
                self._suspect_lease = None
        if self._suspect_lease is None:
            self._suspect_lease = await self._grant(SUSPECT_LEASE_SECONDS)
        await self._put("suspect/", str(revision), self._suspect_lease)

    async def trust(self) -> None:
        """Take the suspicion back."""
        key = _encoded(self._own + "suspect/" + self._site)
        await self._etcd.post("/v3/kv/deleterange", {"key": key})

    async def cast(self, cast: Cast) -> bool:
        value = _json({"against": cast.revision, "position": cast.position})
        return await self._vote(value, cast.mod_revision, cast.revision)

    async def withdraw(self, withdraw: Withdraw) -> bool:
        return await self._vote(_json({"against": 0}), withdraw.mod_revision, withdraw.revision)

    async def depose(self, depose: Depose) -> bool:
        """Delete the leader key if nothing it rests on has changed; then end its lease.

        For a while its member key names no REST interface: else Patroni would ask there how far
        the silent one is, and wait two seconds for no answer. It writes the key anew on its return.
        """
        leader = self._patroni + "leader"
        compare = [
            _compare(leader, "create_revision", depose.leader.revision),
            _compare(self._patroni + "sync", "mod_revision", depose.sync_mod_revision),
        ]
        for site, mod_revision in depose.vote_mod_revisions.items():
            compare.append(_compare(f"{self._own}vote/{site}", "mod_revision", mod_revision))
        delete: Json = {"request_delete_range": {"key": _encoded(leader)}}
        member = _pair(f"{self._patroni}members/{depose.leader.name}", _json({"state": "silent"}))
        silenced: Json = {"request_put": {**member, "lease": await self._grant(SILENCED_SECONDS)}}
        is_done = await self._txn(compare, [delete, silenced])
        if is_done and depose.leader.lease:
            await self._etcd.post("/v3/lease/revoke", {"ID": str(depose.leader.lease)})
        return is_done

    async def hand_over(self, handover: HandOver) -> bool:
        """Ask Patroni for a switchover to our site, and forbid everybody the next one a while."""
        leader, failover = self._patroni + "leader", self._patroni + "failover"
        compare = [
            _compare(leader, "create_revision", handover.leader.revision),
            _compare(self._patroni + "sync", "mod_revision", handover.sync_mod_revision),
            _compare(failover, "mod_revision", handover.switchover_mod_revision),
            _compare(self._own + "handover", "create_revision", 0),
        ]
        wish = _pair(failover, _json({"leader": handover.leader.name, "member": self._site}))
        limit = _pair(self._own + "handover", self._site)
        leases = [
            await self._grant(SWITCHOVER_LEASE_SECONDS),
            await self._grant(ceil(handover.holdoff)),
        ]
        puts = [
            {"request_put": {**pair, "lease": lease}}
            for pair, lease in zip((wish, limit), leases, strict=True)
        ]
        return await self._txn(compare, puts)

    async def answer(self, answer: Answer) -> None:
        value = _json({
            "id": answer.request.id, "position": answer.position, "timeline": answer.timeline
        })  # fmt: skip
        await self._put("answer/", value, await self._grant(ANSWER_LEASE_SECONDS))

    async def ask(self, request: Request) -> None:
        """Ask every other site to fence."""
        value = _json({"id": request.id, "revision": request.revision})
        await self._put("request/", value, await self._grant(REQUEST_LEASE_SECONDS))

    async def stop_asking(self) -> None:
        key = _encoded(self._own + "request/" + self._site)
        await self._etcd.post("/v3/kv/deleterange", {"key": key})

    async def _vote(self, value: str, mod_revision: int, revision: int) -> bool:
        key = f"{self._own}vote/{self._site}"
        compare = [
            _compare(key, "mod_revision", mod_revision),
            _compare(self._patroni + "leader", "create_revision", revision),
        ]
        return await self._txn(compare, [{"request_put": _pair(key, value)}])

    async def _txn(self, compare: list[Json], success: list[Json]) -> bool:
        answer = await self._etcd.post("/v3/kv/txn", {"compare": compare, "success": success})
        return bool(answer.get("succeeded", False))

    async def _put(self, folder: str, value: str, lease: str) -> None:
        pair = _pair(self._own + folder + self._site, value)
        await self._etcd.post("/v3/kv/put", {**pair, "lease": lease})

    async def _grant(self, seconds: int) -> str:
        return str((await self._etcd.post("/v3/lease/grant", {"TTL": str(seconds)}))["ID"])


class _Pair:
    """A key of etcd with its value."""

    def __init__(self, found: Json) -> None:
        self.key = base64.b64decode(found["key"]).decode()
        self.value = base64.b64decode(found.get("value", "")).decode()
        self.create_revision = int(found["create_revision"])
        self.mod_revision = int(found["mod_revision"])
        self.lease = int(found.get("lease", 0))

    @property
    def json(self) -> Json:
        """The value as an object; empty if it is none."""
        try:
            value = msgspec.json.decode(self.value)
        except msgspec.DecodeError:
            return {}
        return cast(Json, value) if isinstance(value, dict) else {}


def _cluster(
    leader: _Pair | None,
    sync: _Pair | None,
    config: _Pair | None,
    failover: _Pair | None,
    members: list[_Pair],
    own: Mapping[str, _Pair],
) -> Cluster:
    folders: dict[str, dict[str, _Pair]] = {}
    for path, pair in own.items():
        folder, _, site = path.partition("/")
        folders.setdefault(folder, {})[site] = pair
    return Cluster(
        leader=leader and Leader(leader.value, leader.create_revision, leader.lease),
        sync=sync and _sync(sync),
        addresses=_addresses(members),
        suspects={site: int(pair.value) for site, pair in folders.get("suspect", {}).items()},
        votes={
            site: Vote(int(pair.json.get("against", 0)), pair.mod_revision)
            for site, pair in folders.get("vote", {}).items()
        },
        requests=tuple(_requests(folders.get("request", {}))),
        answers={
            site: str(pair.json.get("id")) for site, pair in folders.get("answer", {}).items()
        },
        is_paused=bool(config and config.json.get("pause", False)),
        alone=_alone(config.json) if config else "",
        switchover=_switchover(failover) if failover else Switchover(),
        handover=own["handover"].mod_revision if "handover" in own else 0,
    )


def _alone(config: Json) -> str:
    """Named by an operator, and of no account while commits wait for copies."""
    is_off = config.get("synchronous_mode") in (False, "off")
    return str(config.get("bongsu_alone") or "") if is_off else ""


def _sync(pair: _Pair) -> Sync | None:
    """Patroni's quorum commit state; None while it has none."""
    value = pair.json
    if not value.get("leader"):
        return None
    voters = str(value.get("sync_standby") or "")
    quorum = int(value.get("quorum") or 0)
    return Sync(
        str(value["leader"]), frozenset(filter(None, voters.split(","))), quorum, pair.mod_revision
    )


def _switchover(pair: _Pair) -> Switchover:
    """Patroni leaves an empty object when it is done."""
    is_open = bool(pair.json.get("leader") or pair.json.get("member"))
    return Switchover(is_open, pair.mod_revision)


def _requests(pairs: Mapping[str, _Pair]) -> Iterator[Request]:
    for site, pair in pairs.items():
        value = pair.json
        yield Request(str(value.get("id")), site, int(value.get("revision", 0)))


def _addresses(members: Iterable[_Pair]) -> dict[str, Address]:
    """Where each member's PostgreSQL is, as the others' primary_conninfo will name it."""
    found: dict[str, Address] = {}
    for pair in members:
        try:
            found[pair.key.rpartition("/")[2]] = address(str(pair.json.get("conn_url")))
        except ValueError:
            continue
    return found


def _pairs(response: Json) -> Iterator[_Pair]:
    for found in response.get("response_range", {}).get("kvs", []):
        yield _Pair(found)


def _get(key: str) -> Json:
    return {"request_range": {"key": _encoded(key)}}


def _get_all(prefix: str) -> Json:
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return {"request_range": {"key": _encoded(prefix), "range_end": _encoded(end)}}


def _compare(key: str, what: str, expected: int) -> Json:
    """That `what` (create_revision, mod_revision) of `key` is `expected`; 0: there is no key."""
    target = {"create_revision": "CREATE", "mod_revision": "MOD"}[what]
    return {"key": _encoded(key), "target": target, "result": "EQUAL", what: str(expected)}


def _pair(key: str, value: str) -> Json:
    return {"key": _encoded(key), "value": _encoded(value)}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
