"""The switch between isolated sites: passes IP packets from TUN to TUN, late, or not at all.

A program of ours because the kernel's own delay (netem) is missing from many machines, and because
a cut must be silent and may go one way only. With the devices' large segments (one read for up to
64 KiB) it is quick enough for a lab on two cores.
"""

import asyncio
import ctypes
import fcntl
import os
import struct
from collections import deque
from pathlib import Path

from bongsu.errors import OperatorError
from bongsu.host.folder_lock import FolderLock
from bongsu.lab.isolation import HOST, Link, connect_device, cuts, device, links_file, namespace
from bongsu.lab.topology import Lab, Site

PACKETS_AT_ONCE = 64
LATE_BYTES_MAX = 256 * 1024 * 1024  # in flight in the delay; what comes beyond is lost
LOOK_SECONDS = 0.01  # how often for a change of the cuts

_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
_OFFLOAD_CHECKSUM, _OFFLOAD_TSO4 = 0x01, 0x02
_HEADER = 10  # virtio_net_hdr, passed on as it came
_PACKET_BYTES_MAX = _HEADER + 65536
_DESTINATION = slice(_HEADER + 16, _HEADER + 19)  # of an IPv4 packet; the last byte is always 1
_VERSION = _HEADER


class Switch:
    """Holds a device in every namespace. `run` passes packets until its lab is deleted."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._delay = lab.rtt_ms / 2000
        self._ports: dict[bytes, tuple[str, int]] = {}
        self._late: deque[tuple[float, int, bytes]] = deque()
        self._late_bytes = 0
        self._cuts: set[Link] = set()
        self._cuts_seen: tuple[int, int] | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for site in [None, *self._lab.sites]:
            port = _open_device(self._lab, site)
            connect_device(self._lab, site)
            name = site.name if site else HOST
            address = site.address if site else self._lab.host_address
            self._ports[_prefix(address)] = (name, port)
            loop.add_reader(port, self._on_readable, name, port)
        while self._lab.path.exists():  # a lab whose files were deleted is gone
            self._look_at_cuts()
            await asyncio.sleep(LOOK_SECONDS)

    def _on_readable(self, source: str, port: int) -> None:
        for _ in range(PACKETS_AT_ONCE):
            try:
                packet = os.read(port, _PACKET_BYTES_MAX)
            except BlockingIOError:
                return
            self._pass(source, packet)

    def _pass(self, source: str, packet: bytes) -> None:
        found = self._ports.get(packet[_DESTINATION])
        if packet[_VERSION] >> 4 != 4 or found is None or (source, found[0]) in self._cuts:
            return
        if not self._delay:
            _write(found[1], packet)
        elif self._late_bytes < LATE_BYTES_MAX:
            self._put_off(found[1], packet)

    def _put_off(self, port: int, packet: bytes) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._delay
        if not self._late:
            loop.call_at(due, self._send_due)
        self._late.append((due, port, packet))
        self._late_bytes += len(packet)

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._late and self._late[0][0] <= now:
            _, port, packet = self._late.popleft()
            self._late_bytes -= len(packet)
            _write(port, packet)
        if self._late:
            loop.call_at(self._late[0][0], self._send_due)

    def _look_at_cuts(self) -> None:
        try:
            status = links_file(self._lab).stat()
        except FileNotFoundError:
            self._cuts = set()
            return
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._cuts_seen:
            self._cuts, self._cuts_seen = cuts(self._lab), seen


async def run_switch(lab: Lab, folder: Path) -> None:
    """Until cancelled; `OperatorError` if another runs for this lab."""
    lock = FolderLock(folder)
    try:
        await Switch(lab).run()
    finally:
        lock.release()


def _prefix(address: str) -> bytes:
    return bytes(int(part) for part in address.split(".")[:3])


def _write(port: int, packet: bytes) -> None:
    try:
        os.write(port, packet)
    except OSError:  # a full or missing device loses packets, as networks do
        return


def _open_device(lab: Lab, site: Site | None) -> int:
    """A new TUN device in the site's namespace (None: in ours), gone when we are."""
    if site is None:
        return _open_device_here(device(lab))
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    other = os.open(f"/run/netns/{namespace(lab, site)}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(other)
        try:
            return _open_device_here(device(lab))
        finally:
            _enter(own)
    finally:
        os.close(own)
        os.close(other)


def _open_device_here(name: str) -> int:
    port = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    flags = _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR
    try:
        fcntl.ioctl(port, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        fcntl.ioctl(port, _TUNSETOFFLOAD, _OFFLOAD_CHECKSUM | _OFFLOAD_TSO4)
    except OSError as error:
        os.close(port)
        raise OperatorError(f"The device {name} cannot be made: {error}") from None
    return port


def _enter(namespace_file: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace_file, 0) != 0:
        raise OperatorError(f"setns: {os.strerror(ctypes.get_errno())}")
