"""Three sites in a box: quorum commit, Patroni, etcd and the network, as far as they matter here.

The witnesses in it are the real `decide`, `Pulse`, `Fullness`, `check` and `check_room`; all else
is a model. Time goes in steps of 50 ms; every chance comes from one seed. After each commit and
each promotion the world asks whether an acknowledged row could be lost, and raises `Lost` if so;
`PromotedFull` and `Flapped` are what `bongsu.witness.handover` promises of full disks.
"""

import random
from collections.abc import Callable

from simulation.witness_parts import (
    LITTLE,
    PLENTY,
    Flapped,
    Key,
    Keys,
    Lost,
    Mutation,
    PromotedFull,
    Site,
)

from bongsu.witness import machine
from bongsu.witness.candidate import (
    ALONE_SECONDS_MAX,
    JUDGE_SECONDS_MAX,
    WITNESS_SECONDS_MAX,
    RefusedPromotion,
    check,
    check_room,
    is_enough,
)
from bongsu.witness.fullness import Fullness
from bongsu.witness.machine import decide
from bongsu.witness.memory import Limits, Memory
from bongsu.witness.model import (
    Action,
    Answer,
    Cast,
    Cluster,
    Depose,
    Fence,
    Found,
    HandOver,
    Hold,
    Leader,
    Request,
    Standby,
    Suspect,
    Switchover,
    Sync,
    Trust,
    Unfence,
    View,
    Vote,
    Withdraw,
)
from bongsu.witness.pulse import Pulse

STEP = 0.05
SITES = ("a", "b", "c")
LEADER_TTL = 20.0
SUSPECT_TTL = 3.0
SWITCHOVER_TTL = 30.0
LOOK_STEPS = 5  # between two looks of a witness on ordinary days
ASK_STEPS = 20  # between two questions whether the leader can write
NEVER = 1_000_000_000
QUIET_STEPS = 40
BUSY_STEPS = 100  # for which a standby replays before it turns to the leader that it was named
SETTLE_STEPS_MIN = 200  # what is under way arrives
ADDRESSES = {name: (name, 5432) for name in SITES}


class World:
    """Run it with `run`; `acknowledged` counts rows whose commit was confirmed."""

    crashes = 0.01  # how often a witness dies before or after it acts, of all its looks

    def __init__(self, seed: int, mutation: Mutation | None = None) -> None:
        self.chance = random.Random(seed)
        self.mutation = mutation or Mutation()
        self.limits = Limits()
        self.step, self.revision = 0, 1
        self.keys = Keys()
        self.last_reading: tuple[int, Cluster] | None = None
        self.sites = {name: Site(name, follows="a", named="a") for name in SITES}
        self.acknowledged: dict[int, int] = {}  # row: the term that acknowledged it
        self.replies: list[tuple[int, str, str, int]] = []  # when, from, to, position
        self.held: dict[tuple[str, str], int] = {}  # (primary, standby): position confirmed
        self.late: list[tuple[int, Callable[[], bool]]] = []  # writes still under way
        self.term = self.row = 1
        self.history = 0  # the latest term that Patroni has written down in etcd
        self.promotions = self.deposals = 0
        self.handovers: list[int] = []  # steps at which one was asked for
        self.is_calm = False  # nothing new breaks
        self.stays_full = ""  # a site whose disk is not given room again
        self.links = {(x, y): True for x in SITES for y in SITES}
        first = self.sites["a"]
        first.is_primary, first.term, first.synchronous = True, 1, frozenset("bc")
        self.put("leader", "a", ttl=LEADER_TTL)
        self.put("sync", ("a", frozenset("bc"), 1))

    # -- etcd ------------------------------------------------------------------------------------

    def get(self, key: str) -> Key | None:
        return self.keys.get(key)

    def put(self, key: str, value: object, ttl: float | None = None) -> None:
        self.revision += 1
        old = self.keys.get(key)
        expires = None if ttl is None else self.step + int(ttl / STEP)
        self.keys[key] = Key(value, old.create if old else self.revision, self.revision, expires)

    def mod(self, key: str) -> int:
        found = self.keys.get(key)
        return found.mod if found else 0

    @property
    def leader(self) -> Leader | None:
        key = self.get("leader")
        return Leader(str(key.value), key.create, 1) if key else None

    def cluster(self) -> Cluster:
        """A reading of everything; made anew only after a change."""
        if self.last_reading is None or self.last_reading[0] != self.keys.changes:
            self.last_reading = self.keys.changes, self.read_all()
        return self.last_reading[1]

    def read_all(self) -> Cluster:
        sync = self.get("sync")
        assert sync is not None
        name, voters, quorum = sync.value  # type: ignore[misc]
        found = {kind: {n: k for n in SITES if (k := self.get(f"{kind}/{n}"))}
                 for kind in ("suspect", "vote", "request", "answer")}  # fmt: skip
        return Cluster(
            leader=self.leader,
            sync=Sync(name, voters, quorum, sync.mod),
            addresses=ADDRESSES,
            suspects={n: int(k.value) for n, k in found["suspect"].items()},  # type: ignore[call-overload]
            votes={n: Vote(int(k.value), k.mod) for n, k in found["vote"].items()},  # type: ignore[call-overload]
            requests=tuple(k.value for k in found["request"].values()),  # type: ignore[misc]
            answers={n: k.value[0] for n, k in found["answer"].items()},  # type: ignore[index]
            switchover=Switchover(self.get("failover") is not None, self.mod("failover")),
            handover=self.mod("handover") if self.mutation.waits else 0,
        )

    # -- time ------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return 1000.0 + self.step * STEP

    def run(self, steps: int = 700) -> None:
        times = range(self.chance.randint(2, 7))
        trouble = {self.chance.randrange(20, steps - 100) for _ in times}
        for step in range(steps):
            if step in trouble:
                self.strike()
            self.advance()

    def advance(self) -> None:
        self.step += 1
        for key in [k for k, v in self.keys.items() if v.expires and v.expires <= self.step]:
            del self.keys[key]
        due = [write for at, write in self.late if at <= self.step]
        self.late = [each for each in self.late if each[0] > self.step]
        for write in due:
            write()
        self.stream()
        order = list(self.sites.values())
        self.chance.shuffle(order)
        for site in order:
            self.patroni(site)
            self.watch(site)

    def settle(self, steps: int = 1200, full: str = "") -> None:
        """Everything is mended; after so many steps at most all must be as on the first day, but
        for one disk that may stay full."""
        self.is_calm, self.stays_full = True, full
        for site in self.sites.values():
            site.daemons_up = site.backends_up = site.witness_up = site.etcd_link = True
            self.empty(site)
        self.links = dict.fromkeys(self.links, True)
        for step in range(steps):
            if step % 100 == 0:
                before = len(self.acknowledged)
            self.advance()
            is_well = len(self.acknowledged) > before and not self.fenced()
            if step >= SETTLE_STEPS_MIN and step % 100 == 99 and is_well:
                return
        assert not self.fenced(), f"still fenced: {self.fenced()}"
        raise AssertionError("no commit is acknowledged any more")

    def fenced(self) -> list[str]:
        return [site.name for site in self.sites.values() if site.override]

    def strike(self) -> None:
        """Something breaks, and may mend by itself later."""
        site = self.sites[self.chance.choice(SITES)]
        if self.chance.random() < 0.7 and self.leader:
            site = self.sites[self.leader.name]
        kind = self.chance.choice(
            ("hang", "hang", "hang", "freeze", "freeze", "witness", "etcd", "link", "disk", "disk")
        )
        after = self.step + self.chance.randint(10, 400)
        match kind:
            case "hang":  # Patroni and postmaster stop, backends live
                site.daemons_up = False
                self.later(after, lambda: setattr(site, "daemons_up", True))
            case "freeze":
                site.daemons_up = site.backends_up = False
                self.later(
                    after,
                    lambda: (setattr(site, "daemons_up", True), setattr(site, "backends_up", True)),
                )
            case "witness":
                self.crash_witness(site, after)
            case "disk":
                self.fill(site, after)
            case "etcd":
                site.etcd_link = False
                self.later(after, lambda: setattr(site, "etcd_link", True))
            case _:
                other = self.chance.choice([n for n in SITES if n != site.name])
                for pair in self.chance.choice(
                    (((site.name, other),), ((site.name, other), (other, site.name)))
                ):
                    self.links[pair] = False
                    self.later(after, lambda pair=pair: self.links.__setitem__(pair, True))  # type: ignore[misc]

    def fill(self, site: Site, until: int) -> None:
        """A disk, or all of them: they hold the same."""
        chosen = [site] if self.chance.random() < 0.7 else list(self.sites.values())
        for each in chosen:
            each.room = self.chance.choice((0, 0, LITTLE))
            at = until + self.chance.randint(0, 100)
            self.later(at, lambda each=each: self.empty(each))  # type: ignore[misc]

    def empty(self, site: Site) -> None:
        site.room = 0 if site.name == self.stays_full else PLENTY

    def later(self, at: int, change: Callable[[], object]) -> None:
        self.late.append((at, lambda: bool(change())))

    def crash_witness(self, site: Site, until: int) -> None:
        """It forgets everything."""
        site.witness_up, site.memory = False, Memory()
        site.pulse, site.fullness = Pulse(), Fullness()
        self.later(until, lambda: setattr(site, "witness_up", True))

    # -- PostgreSQL ------------------------------------------------------------------------------

    def write_rows(self) -> None:
        """What clients of every primary do; here they only count."""
        for primary in self.sites.values():
            often = 0.7
            if primary.is_full:  # what fits into files that are there, for a while
                often = 0.0 if self.is_calm else 0.05
            if primary.is_primary and primary.backends_up and self.chance.random() < often:
                self.row += 1
                primary.wal.append(self.row)

    def stream(self) -> None:
        """Rows are written, sent, confirmed and acknowledged."""
        self.write_rows()
        for standby in self.sites.values():
            source = self.sites.get(standby.receives_from(self.step))
            if (
                source is None
                or not source.backends_up
                or not self.links[source.name, standby.name]
            ):
                continue
            if standby.is_full and self.chance.random() < 0.8:
                continue  # its receiver cannot begin a new file
            if not standby.is_behind(source):
                continue  # another timeline: Patroni must rewind first
            if self.chance.random() < 0.8:
                through = self.chance.randint(len(standby.wal), len(source.wal))
                standby.wal += source.wal[len(standby.wal) : through]
                standby.term = max(standby.term, source.term)
            if self.links[standby.name, source.name]:
                at = self.step + self.chance.randint(0, 4)
                self.replies.append((at, standby.name, source.name, len(standby.wal)))
        self.acknowledge()

    def acknowledge(self) -> None:
        for at, sender, receiver, position in self.replies:
            if at <= self.step and self.sites[receiver].is_primary:
                self.sites[receiver].heard[sender] = self.step
                key = receiver, sender
                self.held[key] = max(self.held.get(key, 0), position)
        self.replies = [each for each in self.replies if each[0] > self.step]
        for primary in self.sites.values():
            if not (primary.is_primary and primary.backends_up):
                continue
            held = [self.held.get((primary.name, each), 0) for each in primary.synchronous]
            confirmed = max(held, default=0)
            for row in primary.wal[primary.confirmed : confirmed]:
                if row not in self.acknowledged:
                    self.acknowledged[row] = primary.term
                    self.must_be_kept(row, primary)
            primary.confirmed = max(primary.confirmed, confirmed)

    def must_be_kept(self, row: int, primary: Site) -> None:
        for other in self.sites.values():
            if other.is_primary and other.term > primary.term and row not in other.wal:
                raise Lost(
                    f"step {self.step}: {primary.name} acknowledged {row} after {other.name}"
                )

    def promote(self, site: Site) -> None:
        self.term += 1
        self.promotions += 1
        if site.is_full:
            raise PromotedFull(f"step {self.step}: {site.name} is promoted without room")
        kept = set(site.wal)
        lost = [row for row in self.acknowledged if row not in kept]
        if lost:
            raise Lost(
                f"step {self.step}: {site.name} is promoted without {len(lost)} acknowledged rows"
            )
        site.is_primary, site.term, site.confirmed = True, self.term, 0
        self.held = {k: v for k, v in self.held.items() if k[0] != site.name}
        site.synchronous = frozenset(SITES) - {site.name}
        site.patroni_at = self.step + self.chance.randint(1, 40)

    # -- Patroni ---------------------------------------------------------------------------------

    def patroni(self, site: Site) -> None:
        if not site.daemons_up or not site.etcd_link or self.step < site.patroni_at:
            return
        leader = self.leader
        if site.races >= 0:
            return self.take_key(site)
        if leader is None:
            return self.race(site)
        site.patroni_at = self.step + self.chance.randint(1, 12)
        if leader.name != site.name:
            return self.follow(site, leader.name)
        self.put("leader", site.name, ttl=LEADER_TTL)
        if site.is_primary:
            self.write_down(site)
            if (wish := self.get("failover")) is None:
                return self.choose_synchronous(site)
            self.switch_over(site, wish)
        elif site.backends_up:
            self.pre_promote(site, leader)

    def write_down(self, primary: Site) -> None:
        """Only now, seconds after its first commits, etcd knows of a promotion."""
        self.history = max(self.history, primary.term)
        sync = self.cluster().sync
        assert sync is not None
        if sync.leader != primary.name:
            self.put("sync", (primary.name, primary.synchronous, 1))

    def switch_over(self, primary: Site, wish: Key) -> None:
        """Shut down in order and give the key back, if who is wished for can have it."""
        leader, candidate = wish.value  # type: ignore[misc]
        wished, sync = self.sites[candidate], self.cluster().sync
        assert sync is not None
        can = wished.is_up and self.hear(primary, wished) and candidate in sync.voters
        if leader != primary.name or not can:
            self.keys.pop("failover")
            return
        for standby in self.sites.values():  # the last of the WAL goes out, or is not waited for
            is_fed = standby.receives_from(self.step) == primary.name and standby.backends_up
            is_fed = is_fed and standby.is_behind(primary)
            if is_fed and self.links[primary.name, standby.name] and self.chance.random() < 0.8:
                standby.wal, standby.term = list(primary.wal), primary.term
        primary.is_primary = False
        primary.patroni_at = self.step + self.chance.randint(20, 60)
        self.keys.pop("leader")

    def choose_synchronous(self, primary: Site) -> None:
        """Who has gone silent no longer counts, as long as one is left; who is back does again."""
        there = {n for n, at in primary.heard.items() if self.step - at < QUIET_STEPS}
        chosen = frozenset(there - {primary.name}) or primary.synchronous
        sync = self.cluster().sync
        assert sync is not None
        if primary.backends_up and sync.leader == primary.name and chosen != sync.voters:
            primary.synchronous = chosen
            self.put("sync", (primary.name, chosen, len(chosen) - 1))

    def race(self, site: Site) -> None:
        """Compares positions now, takes the key a moment later."""
        if self.step < site.backoff_until or not site.backends_up:
            return
        if self.mutation.checks_timeline and site.term < self.history:
            return
        if site.is_primary:
            site.races = self.step + self.chance.randint(1, 10)
            return
        if (wish := self.get("failover")) is not None:
            leader, candidate = wish.value  # type: ignore[misc]
            if candidate == site.name:  # compares nothing
                site.races = self.step + self.chance.randint(1, 10)
                return
            healthy = {o.name for o in self.sites.values() if o.is_up and self.hear(o, site)}
            if candidate in healthy or (leader == site.name and healthy - {leader}):
                return
        others = [
            o for o in self.sites.values() if o is not site and o.is_up and self.hear(o, site)
        ]
        sync = self.cluster().sync
        assert sync is not None
        if not self.mutation.compares:
            site.races = self.step + self.chance.randint(1, 10)
            return
        votes = sum(o.name in sync.voters and len(o.wal) <= len(site.wal) for o in others)
        needed = sync.quorum + (site.name not in sync.voters)
        ahead = any(len(o.wal) > len(site.wal) and o.name != sync.leader for o in others)
        if sync.leader == site.name or (
            votes >= needed and not ahead and not any(o.is_primary for o in others)
        ):
            site.races = self.step + self.chance.randint(1, 10)

    def hear(self, one: Site, other: Site) -> bool:
        return self.links[one.name, other.name] and self.links[other.name, one.name]

    def take_key(self, site: Site) -> None:
        if self.step < site.races:
            return
        site.races, site.asked_at = -1, -1
        if self.leader is None:
            self.put("leader", site.name, ttl=LEADER_TTL)
            self.keys.pop("failover", None)

    def follow(self, site: Site, leader: str) -> None:
        source = self.sites[leader]
        site.named, site.asked_at, site.request = leader, -1, None
        site.is_primary = False  # demoted at once; rewound when there is somebody to follow
        if source.is_primary and source.is_up and self.hear(site, source):
            self.rewind(site, source)
        if not self.mutation.holds_fence:
            site.override = False
        site.follow(leader, self.step, self.chance.choice((0, 0, 1, 3, BUSY_STEPS)))

    def rewind(self, site: Site, source: Site) -> None:
        """To where the two histories part, if they do."""
        if site.is_behind(source):
            return
        common = 0
        while (
            common < min(len(site.wal), len(source.wal)) and site.wal[common] == source.wal[common]
        ):
            common += 1
        site.wal, site.term = site.wal[:common], source.term

    def pre_promote(self, site: Site, leader: Leader) -> None:
        site.patroni_at = self.step + 1
        sync = self.cluster().sync
        assert sync is not None
        try:
            check_room(site.room if self.mutation.minds_room else PLENTY)
        except RefusedPromotion:
            return self.refuse(site)
        if not self.mutation.checks_candidate:
            return self.promote(site)
        if sync.leader == site.name and not self.mutation.minds_timelines:
            return self.promote(site)
        if site.asked_at < 0 or site.request is None or site.request.revision != leader.revision:
            site.asked_at = self.step
            site.request = Request(str(self.chance.random()), site.name, leader.revision)
            self.put(f"request/{site.name}", site.request, ttl=10.0)
            return None
        found: dict[str, Found] = {}
        for name in SITES:
            key = self.get(f"answer/{name}")
            if key is not None and key.value[0] == site.request.id:  # type: ignore[index]
                found[name] = Found(*key.value[1:], "fenced")  # type: ignore[index]
        waited = (self.step - site.asked_at) * STEP
        if waited > WITNESS_SECONDS_MAX:
            for name in sorted(set(SITES) - {site.name, sync.leader, *found}):
                if self.is_judged(site, self.sites[name]):
                    other = self.sites[name]
                    found[name] = Found(len(other.wal), self.timeline(other), "judged")
        patience = ALONE_SECONDS_MAX if sync.leader == site.name else JUDGE_SECONDS_MAX
        if waited < patience and not is_enough(found, site.name, sync):
            return None
        site.asked_at, site.request = -1, None
        own = self.standby(site)
        try:
            check(own or Standby(True), found, site.name, sync)
        except RefusedPromotion:
            self.refuse(site)
        else:
            self.promote(site)

    def timeline(self, site: Site) -> int:
        return site.term if self.mutation.minds_timelines else 0

    def refuse(self, site: Site) -> None:
        """Give the key back, and let others try."""
        self.keys.pop("leader", None)
        site.asked_at, site.request = -1, None
        site.backoff_until = self.step + int(LEADER_TTL / STEP)

    def is_judged(self, site: Site, other: Site) -> bool:
        reads = (
            other.is_up and self.links[site.name, other.name] and self.links[other.name, site.name]
        )
        shown = [other.conninfo]
        if self.mutation.asks_receiver:
            shown.append(other.receives_from(self.step))
        return reads and not other.is_primary and set(shown) <= {"", site.name}

    # -- the witness -----------------------------------------------------------------------------

    def watch(self, site: Site) -> None:
        if not site.witness_up:
            return
        leader, full = self.leader if site.etcd_link else None, 0.0
        if leader is not None:
            self.probe(site, leader)
            full = site.fullness.seconds(leader.revision, self.now)
        is_tense = site.override or site.pulse.silence(self.now) > self.limits.silence / 2
        if not is_tense and (self.step + SITES.index(site.name)) % LOOK_STEPS:
            return
        reads = site.etcd_link and (self.is_calm or self.chance.random() > 0.05)
        cluster = self.cluster() if reads else None
        view = View(self.now, site.pulse.silence(self.now), cluster, self.standby(site), full)
        site.memory, decision = decide(site.name, site.memory, view, self.limits, len(SITES))
        if not self.is_calm and self.chance.random() < self.crashes:  # dies before it acts
            return self.crash_witness(site, self.step + self.chance.randint(5, 100))
        self.act(site, decision.action)
        if not self.is_calm and self.chance.random() < self.crashes:  # or right after
            self.crash_witness(site, self.step + self.chance.randint(5, 100))

    def probe(self, site: Site, leader: Leader) -> None:
        """Does it answer? Can it write?"""
        site.pulse.beat(leader.revision, self.now)
        seen = self.sites[leader.name]
        if not self.hear(site, seen):
            return
        if seen.daemons_up:
            site.pulse.answered(leader.revision, self.now)
        if seen is not site and seen.backends_up and self.step % ASK_STEPS == 0:
            if seen.is_full and self.mutation.hands_over:
                site.fullness.refused(leader.revision, self.now)
            else:
                site.fullness.wrote(leader.revision)

    def standby(self, site: Site) -> Standby | None:
        if not site.is_up:
            return None
        is_cut = site.override and (0 <= site.cut_at <= self.step or not self.mutation.fences)
        follows, room = ADDRESSES.get(site.named), site.room
        return Standby(
            not site.is_primary, site.override, is_cut, follows, len(site.wal),
            self.timeline(site), room if self.mutation.minds_room else PLENTY,
        )  # fmt: skip

    def act(self, site: Site, action: Action) -> None:
        """Fencing is local; a write may be lost, come late, or lose its answer."""
        match action:
            case Hold():
                pass
            case Fence() | Unfence() if site.is_full and self.chance.random() < 0.7:
                pass  # PostgreSQL cannot write the file anew
            case Fence():
                site.override = True
                delay = self.chance.randint(0, 3)
                site.cut_at = max(self.step + delay, site.turns_at)
                if not self.mutation.fences:
                    site.cut_at = NEVER
            case Unfence():
                site.override, site.cut_at, site.follows = False, -1, site.named
                site.turns_at = self.step
            case _:
                fate = 1.0 if self.is_calm else self.chance.random()
                if fate < 0.05:
                    return
                if fate < 0.15:
                    self.late.append(
                        (self.step + self.chance.randint(1, 60), self.write(site, action))
                    )
                    return
                if self.write(site, action)() and isinstance(action, Withdraw) and fate > 0.25:
                    site.memory = machine.withdrawn(site.memory)

    def write(self, site: Site, action: Action) -> Callable[[], bool]:
        return lambda: self.apply(site, action)

    def apply(self, site: Site, action: Action) -> bool:
        """A transaction of etcd: all or nothing, if what it compares is so."""
        leader, vote = self.leader, f"vote/{site.name}"
        match action:
            case Suspect(revision):
                self.put(f"suspect/{site.name}", revision, ttl=SUSPECT_TTL)
            case Trust():
                self.keys.pop(f"suspect/{site.name}", None)
            case Answer(request, position, timeline):
                self.put(f"answer/{site.name}", (request.id, position, timeline), ttl=60.0)
            case Cast(revision, mod):
                if leader is None or leader.revision != revision or self.mod(vote) != mod:
                    return False
                self.put(vote, revision)
            case Withdraw(mod, revision):
                if leader is None or leader.revision != revision or self.mod(vote) != mod:
                    return False
                self.put(vote, 0)
            case Depose():
                return self.depose(action)
            case HandOver():
                return self.hand_over(site, action)
            case _:
                raise AssertionError(action)
        return True

    def hand_over(self, site: Site, action: HandOver) -> bool:
        leader = self.leader
        same = leader is not None and leader.revision == action.leader.revision
        same = same and self.mod("sync") == action.sync_mod_revision
        same = same and self.mod("failover") == action.switchover_mod_revision
        if not same or (self.mutation.waits and self.get("handover")):
            return False
        last = self.handovers[-1] if self.handovers else -NEVER
        if (self.step - last) * STEP < self.limits.holdoff_first:
            raise Flapped(f"step {self.step}: {site.name} asks {self.step - last} steps after")
        self.handovers.append(self.step)
        self.put("failover", (action.leader.name, site.name), ttl=SWITCHOVER_TTL)
        self.put("handover", site.name, ttl=action.holdoff)
        return True

    def depose(self, action: Depose) -> bool:
        leader = self.leader
        same = leader is not None and leader.revision == action.leader.revision
        votes = all(self.mod(f"vote/{n}") == m for n, m in action.vote_mod_revisions.items())
        if not (same and votes and self.mod("sync") == action.sync_mod_revision):
            return False
        del self.keys["leader"]
        self.deposals += 1
        if self.mutation.fences and self.mutation.holds_fence:
            for name in action.vote_mod_revisions:  # rule 1, at the very moment it counts
                assert not self.sites[name].receives_from(self.step), f"{name} voted unfenced"
        return True
