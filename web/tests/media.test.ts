import { beforeEach, expect, test, vi } from "vitest";

const MB = 1024 ** 2;
const PATIENCE_MS = 60_000; // a busy machine is slow with forty megabytes
vi.setConfig({ testTimeout: PATIENCE_MS });
const asked: string[] = [];
const alive = new Set<string>();
let answer: () => Response;

vi.mock("../src/matrix/sites", () => ({
  current: { peek: () => "https://x.example" },
  siteFetch: (url: string) => (asked.push(url), Promise.resolve(answer())),
}));
vi.mock("../src/matrix/session", async () => {
  const { signal } = await import("@preact/signals");
  return { session: signal({ userId: "@minji:x", accessToken: "t" }) };
});

beforeEach(() => {
  asked.length = 0;
  alive.clear();
  answer = () => new Response(new Uint8Array(40 * MB), { headers: { "content-type": "image/png" } });
  let count = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => {
    const url = `blob:${++count}`;
    alive.add(url);
    return url;
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void alive.delete(url));
  vi.resetModules();
});

async function shown(mxc: string) {
  const { open } = await import("../src/matrix/media");
  const opened = open({ mxc });
  const letGo = opened.hold();
  await vi.waitFor(() => expect(opened.media.value.state).not.toBe("loading"), PATIENCE_MS);
  return { ...opened, letGo };
}

test("two views of one picture share a download; it is kept for a while", async () => {
  const [one, other] = await Promise.all([shown("mxc://x/a"), shown("mxc://x/a")]);
  expect(other.media.value).toBe(one.media.value);
  one.letGo();
  other.letGo();
  await shown("mxc://x/a");
  expect(asked).toEqual(["https://x.example/_matrix/client/v1/media/download/x/a"]);
});

test("past the bound the picture unused for longest is revoked, what is seen never", async () => {
  const seen = await shown("mxc://x/seen");
  for (const id of ["a", "b", "c"]) (await shown(`mxc://x/${id}`)).letGo();
  expect(alive.size).toBe(3); // the one that is seen, and two of 40 MB
  expect(alive).toContain((seen.media.value as { url: string }).url);
  await shown("mxc://x/a");
  expect(asked.filter((url) => url.endsWith("/a")).length).toBe(2);
});

test("at the end of a session everything that is not on the page is revoked", async () => {
  (await shown("mxc://x/a")).letGo();
  const { session } = await import("../src/matrix/session");
  session.value = null;
  expect(alive.size).toBe(0);
});

test("why media cannot be had, and another try", async () => {
  answer = () => new Response("{}", { status: 404 });
  const { media, retry } = await shown("mxc://x/a");
  expect(media.value).toEqual({ state: "broken", why: "missing" });
  answer = () => new Response("x");
  retry();
  await vi.waitFor(() => expect(media.value.state).toBe("ready"), PATIENCE_MS);
  expect((await shown("https://example.org/a")).media.value).toEqual({ state: "broken", why: "missing" });
  answer = () => new Response("{}", { status: 502 });
  expect((await shown("mxc://x/b")).media.value).toEqual({ state: "broken", why: "unreachable" });
});

test("what a browser might run is only bytes", async () => {
  for (const type of ["text/html", "image/svg+xml", "application/javascript"]) {
    answer = () => new Response("<script>", { headers: { "content-type": type } });
    const { media } = await shown(`mxc://x/${type.replaceAll(/\W/g, "")}`);
    expect((media.value as { blob: Blob }).blob.type).toBe("application/octet-stream");
  }
});
