"""Synapse's admin API on a real server: by hand where refusals matter, else with `synadm`, the
command line tool that administrators of Synapse use, which we did not write."""

import asyncio
import hashlib
import hmac
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from harness.bongsu import Bongsu, running
from harness.http import HttpClient
from harness.matrix import MatrixError, User, call, login, register
from harness.process import open_folder

SECRET = "a-secret-of-ours"
ADMIN_V1, ADMIN_V2 = "/_synapse/admin/v1", "/_synapse/admin/v2"
SYNADM = Path(sys.executable).parent / "synadm"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6364f8cf500f0003060180bb8d30580000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    with open_folder() as folder:
        secret = folder / "secret"
        secret.write_text(SECRET + "\n")
        os.chmod(secret, 0o600)
        settings = {"BONGSU_REGISTRATION_SHARED_SECRET_FILE": str(secret)}
        with running(folder, settings=settings) as bongsu:
            yield bongsu


@pytest.fixture
async def client(server: Bongsu) -> AsyncIterator[HttpClient]:
    client = HttpClient(server.url)
    yield client
    await client.close()


@pytest.fixture
async def admin(client: HttpClient) -> User:
    """The administrator, made by the shared secret the first time."""
    try:
        return await login(client, "admin")
    except MatrixError:
        await register_by_secret(client, "admin", is_admin=True)
        return await login(client, "admin")


async def register_by_secret(
    client: HttpClient, name: str, *, secret: str = SECRET, is_admin: bool = False, **extra: Any
) -> dict[str, Any]:
    nonce = (await call(client, "GET", f"{ADMIN_V1}/register"))["nonce"]
    parts = [nonce, name, "wonderland", "admin" if is_admin else "notadmin"]
    mac = hmac.new(secret.encode(), "\x00".join(parts).encode(), hashlib.sha1).hexdigest()
    body = {
        "nonce": nonce, "username": name, "password": "wonderland", "admin": is_admin,
        "mac": mac, **extra,
    }  # fmt: skip
    return await call(client, "POST", f"{ADMIN_V1}/register", body)


async def synadm(server: Bongsu, admin: User, *arguments: str) -> Any:
    """What `synadm` prints, decoded; a batch of it begins with what it is about to do."""
    config = server.data.parent / "synadm.yaml"
    config.write_text(
        f"user: admin\ntoken: {admin.token}\nbase_url: {server.url}\nadmin_path: /_synapse/admin\n"
        "matrix_path: /_matrix\ntimeout: 30\nserver_discovery: well-known\n"
        "homeserver: localhost\nformat: json\nssl_verify: false\n"
    )
    process = await asyncio.create_subprocess_exec(
        str(SYNADM), "--batch", "-o", "json", "-c", str(config), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, (arguments, out, err)
    begin = max(out.rfind(b"\n{") + 1, out.rfind(b"\n[") + 1)
    return orjson.loads(out[begin:]) if out[begin : begin + 1] in (b"{", b"[") else out.decode()


async def refused(client: HttpClient, who: User | None, *request: Any) -> tuple[int, str]:
    with pytest.raises(MatrixError) as caught:
        await call(client, *request, token=who.token if who else None)
    return caught.value.status, str(caught.value.errcode)


async def test_a_tool_that_knows_the_secret_makes_accounts(client: HttpClient, admin: User) -> None:
    made = await register_by_secret(client, "pepper", displayname="Pepper Roni")
    assert set(made) >= {"access_token", "user_id", "home_server", "device_id"}
    path = f"{ADMIN_V2}/users/{made['user_id']}"
    shown = await call(client, "GET", path, token=admin.token)
    assert (shown["displayname"], shown["admin"]) == ("Pepper Roni", False)
    for wrong in ({"secret": "guessed"}, {"nonce": "forged"}, {"admin": True}):
        with pytest.raises(MatrixError) as caught:
            await register_by_secret(client, "mallory", **wrong)
        assert caught.value.status in (400, 403)
    with pytest.raises(MatrixError) as caught:
        await register_by_secret(client, "pepper")
    assert caught.value.errcode == "M_USER_IN_USE"


async def test_only_administrators_may(client: HttpClient, admin: User) -> None:
    alice = await register(client, "only-alice")
    for request in (
        ("GET", f"{ADMIN_V2}/users"),
        ("PUT", f"{ADMIN_V2}/users/{alice.user_id}", {"admin": True}),
        ("GET", f"{ADMIN_V1}/rooms"),
        ("DELETE", f"{ADMIN_V2}/rooms/!x:localhost", {}),
        ("POST", f"{ADMIN_V1}/media/quarantine/localhost/x", {}),
        ("GET", f"{ADMIN_V1}/server_version"),
    ):
        assert await refused(client, alice, *request) == (403, "M_FORBIDDEN")
        assert await refused(client, None, *request) == (401, "M_MISSING_TOKEN")


async def test_synadm_manages_accounts(server: Bongsu, client: HttpClient, admin: User) -> None:
    bob = await register(client, "synadm-bob")
    version = await synadm(server, admin, "version")
    assert "Bongsu" in str(version)
    listed = await synadm(server, admin, "user", "list", "-n", "synadm-bo")
    assert [user["name"] for user in listed["users"]] == [bob.user_id]
    await synadm(server, admin, "user", "modify", bob.user_id, "-n", "Bob B.")
    details = await synadm(server, admin, "user", "details", bob.user_id)
    assert details["displayname"] == "Bob B."
    await synadm(server, admin, "user", "password", bob.user_id, "-p", "changed1")
    assert await refused(client, bob, "GET", "/_matrix/client/v3/account/whoami") == (
        401, "M_UNKNOWN_TOKEN",
    )  # fmt: skip
    again = await login(client, bob.user_id, "changed1")
    room = await again.create_room()
    whois = await synadm(server, admin, "user", "whois", bob.user_id)
    assert whois["user_id"] == bob.user_id
    rooms = await synadm(server, admin, "user", "membership", bob.user_id)
    assert rooms["joined_rooms"] == [room]
    await synadm(server, admin, "user", "deactivate", bob.user_id)
    shown = await synadm(server, admin, "user", "list", "-n", "synadm-bo", "-d")
    assert [user["deactivated"] for user in shown["users"]] == [True]


async def test_an_account_is_made_and_changed(client: HttpClient, admin: User) -> None:
    path = f"{ADMIN_V2}/users/{quote('@put-carol:localhost')}"

    async def put(**body: Any) -> dict[str, Any]:
        return await call(client, "PUT", path, body, token=admin.token)

    made = await put(password="wonderland", displayname="Carol", admin=True)
    assert (made["name"], made["admin"], made["displayname"]) == (
        "@put-carol:localhost", True, "Carol",
    )  # fmt: skip
    carol = await login(client, "put-carol")
    assert (await put(admin=False, locked=True))["locked"] is True
    assert (await refused(client, carol, "GET", "/_matrix/client/v3/sync"))[0] == 401
    assert (await put(locked=False, displayname=""))["displayname"] is None
    devices = await call(client, "GET", f"{path}/devices", token=admin.token)
    assert devices["total"] == 1
    assert (await put(deactivated=True))["deactivated"] is True
    own = f"{ADMIN_V2}/users/{admin.user_id}"
    assert await refused(client, admin, "PUT", own, {"admin": False}) == (400, "M_INVALID_PARAM")
    assert await refused(client, admin, "PUT", path, {"deactivated": False}) == (
        400, "M_INVALID_PARAM",
    )  # fmt: skip


async def test_synadm_deletes_a_room(server: Bongsu, client: HttpClient, admin: User) -> None:
    """Its members see that they left; whoever asks finds nothing; nobody gets in again."""
    dora, erik = await register(client, "room-dora"), await register(client, "room-erik")
    room = await dora.create_room(
        preset="public_chat", name="Bad place", visibility="public", room_alias_name="bad-place"
    )
    await erik.join(room)
    event = await dora.send_text(room, "something terrible")
    since = (await erik.sync())["next_batch"]
    found = await synadm(server, admin, "room", "search", "Bad pl")
    assert [each["room_id"] for each in found["rooms"]] == [room]
    details = await synadm(server, admin, "room", "details", room)
    assert (details["joined_members"], details["creator"]) == (2, dora.user_id)
    members = await synadm(server, admin, "room", "members", room)
    assert sorted(members["members"]) == sorted([dora.user_id, erik.user_id])
    state = await call(client, "GET", f"{ADMIN_V1}/rooms/{quote(room)}/state", token=admin.token)
    assert {e["type"] for e in state["state"]} >= {"m.room.create", "m.room.name"}

    path = f"{ADMIN_V2}/rooms/{quote(room)}"
    asked = await call(client, "DELETE", path, {"block": True}, token=admin.token)
    status = await over(client, admin, asked["delete_id"])
    assert status["status"] == "complete", status
    assert sorted(status["shutdown_room"]["kicked_users"]) == sorted(members["members"])
    assert status["shutdown_room"]["local_aliases"] == ["#bad-place:localhost"]
    listed = await call(client, "GET", f"{path}/delete_status", token=admin.token)
    assert [each["delete_id"] for each in listed["results"]] == [asked["delete_id"]]

    answer = await erik.sync(since)
    assert room not in answer["rooms"].get("join", {})
    assert (await refused(client, erik, "GET", f"{V3}/rooms/{quote(room)}/event/{event}"))[0] in (
        403, 404,
    )  # fmt: skip
    assert await refused(client, erik, "POST", f"{V3}/join/{quote(room)}", {}) == (
        404, "M_NOT_FOUND",
    )  # fmt: skip
    assert (await refused(client, erik, "GET", f"{V3}/directory/room/%23bad-place:localhost"))[
        0
    ] == 404
    assert (await refused(client, admin, "GET", f"{ADMIN_V1}/rooms/{quote(room)}"))[0] == 404


async def test_members_move_to_a_new_room(client: HttpClient, admin: User) -> None:
    fay = await register(client, "move-fay")
    room = await fay.create_room(room_alias_name="move-here")
    body = {"new_room_user_id": admin.user_id, "message": "It was closed.", "purge": False}
    path = f"{ADMIN_V1}/rooms/{quote(room)}"
    done = await call(client, "DELETE", path, body, token=admin.token)
    new_room = done["new_room_id"]
    assert done["kicked_users"] == [fay.user_id]
    joined = (await fay.sync())["rooms"]["join"]
    assert list(joined) == [new_room]
    texts = [e["content"].get("body") for e in joined[new_room]["timeline"]["events"]]
    assert "It was closed." in texts
    resolved = await fay.call("GET", "/directory/room/%23move-here:localhost")
    assert resolved["room_id"] == new_room
    with pytest.raises(MatrixError):
        await fay.send_text(new_room, "but why?")


async def test_who_is_locked_polls_no_more(server: Bongsu, client: HttpClient, admin: User) -> None:
    """Though each poll repeats the one before, which had its right."""
    own = HttpClient(server.url)
    user = await register(own, "polls")
    path = f"{ADMIN_V2}/users/{quote(user.user_id)}"
    token = (await user.sync())["next_batch"]
    for _ in range(3):
        token = (await user.sync(token))["next_batch"]
    await call(client, "PUT", path, {"locked": True}, token=admin.token)
    with pytest.raises(MatrixError) as refused:
        await user.sync(token)
    assert (refused.value.status, refused.value.errcode) == (401, "M_USER_LOCKED")
    await call(client, "PUT", path, {"locked": False}, token=admin.token)
    await user.sync(token)
    await own.close()


async def test_a_blocked_room_is_entered_by_nobody(client: HttpClient, admin: User) -> None:
    gil, hana = await register(client, "block-gil"), await register(client, "block-hana")
    room = await gil.create_room(preset="public_chat")
    path = f"{ADMIN_V1}/rooms/{quote(room)}/block"
    assert await call(client, "PUT", path, {"block": True}, token=admin.token) == {"block": True}
    shown = await call(client, "GET", path, token=admin.token)
    assert shown == {"block": True, "user_id": admin.user_id}
    join = ("POST", f"{V3}/join/{quote(room)}", {})
    state = f"{V3}/rooms/{quote(room)}/state/m.room.member/{quote(hana.user_id)}"
    assert await refused(client, hana, *join) == (403, "M_FORBIDDEN")
    assert await refused(client, hana, "PUT", state, {"membership": "join"}) == (
        403, "M_FORBIDDEN",
    )  # fmt: skip
    await gil.send_text(room, "those inside go on")
    await call(client, "PUT", path, {"block": False}, token=admin.token)
    await hana.join(room)


async def test_media_are_quarantined_protected_and_deleted(
    server: Bongsu, client: HttpClient, admin: User
) -> None:
    ida = await register(client, "media-ida")

    async def upload(body: bytes = PNG) -> str:
        answer = await client.request(
            "POST", "/_matrix/media/v3/upload", body, token=ida.token, content_type="image/png"
        )
        return str(orjson.loads(answer.body)["content_uri"]).removeprefix("mxc://localhost/")

    async def status(media_id: str) -> int:
        path = f"/_matrix/client/v1/media/download/localhost/{media_id}"
        return (await client.request("GET", path, token=ida.token)).status

    first, second = await upload(), await upload()
    other, safe = await upload(PNG + b"x"), await upload(PNG + b"y")
    await synadm(server, admin, "media", "quarantine", "-s", "localhost", "-i", first)
    assert [await status(each) for each in (first, second, other)] == [404, 404, 200]
    assert await status(await upload()) == 404, "the same bytes, uploaded again"
    path = f"{ADMIN_V1}/media/unquarantine/localhost/{first}"
    await call(client, "POST", path, {}, token=admin.token)
    assert [await status(each) for each in (first, second)] == [200, 200]

    room = await ida.create_room()
    for media_id in (other, safe):
        content = {"msgtype": "m.image", "body": "x", "url": f"mxc://localhost/{media_id}"}
        await ida.send(room, content)
    path = f"{ADMIN_V1}/media/protect/{safe}"
    await call(client, "POST", path, {}, token=admin.token)
    listed = await synadm(server, admin, "media", "list", "-r", room)
    assert len(listed["local"]) == 2
    path = f"{ADMIN_V1}/room/{quote(room)}/media/quarantine"
    assert await call(client, "POST", path, {}, token=admin.token) == {"num_quarantined": 1}
    assert [await status(each) for each in (other, safe)] == [404, 200]
    path = f"{ADMIN_V1}/user/{ida.user_id}/media/quarantine"
    assert (await call(client, "POST", path, {}, token=admin.token))["num_quarantined"] == 3

    path = f"{ADMIN_V1}/media/localhost/{safe}"
    info = (await call(client, "GET", path, token=admin.token))["media_info"]
    assert (info["user_id"], info["safe_from_quarantine"]) == (ida.user_id, True)
    deleted = await call(client, "DELETE", path, token=admin.token)
    assert deleted == {"deleted_media": [safe], "total": 1}
    assert await status(safe) == 404
    assert not list(server.data.rglob(hashlib.sha256(PNG + b"y").hexdigest()))
    assert list(server.data.rglob(hashlib.sha256(PNG + b"x").hexdigest())), "quarantined is kept"
    own = await call(client, "GET", f"{ADMIN_V1}/users/{ida.user_id}/media", token=admin.token)
    assert own["total"] == 4


V3 = "/_matrix/client/v3"


async def over(client: HttpClient, admin: User, delete_id: str) -> dict[str, Any]:
    """The status of a deletion once it is over."""
    async with asyncio.timeout(60):
        while True:
            path = f"{ADMIN_V2}/rooms/delete_status/{delete_id}"
            status = await call(client, "GET", path, token=admin.token)
            if status["status"] not in ("scheduled", "active"):
                return status
            await asyncio.sleep(0.1)
