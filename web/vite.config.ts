import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, resolve, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import preact from "@preact/preset-vite";
import { defineConfig, type Plugin } from "vite";

const PACKED = new Set([".html", ".js", ".css", ".svg", ".wasm", ".webmanifest", ".json"]);
// Fetched when they are needed: encryption, and the names of emoji in each language.
const ENCRYPTION = /\.wasm$|crypto-wasm|rust-crypto/;
const EMOJI = /assets\/(compact|messages|github)-/;

/** When all is written: tell the service worker what there is, then pack. The server itself packs nothing. */
function finished(): Plugin {
  let folder = "";
  return {
    name: "finished",
    apply: "build",
    enforce: "post",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      if (!existsSync(join(folder, "sw.js"))) return; // the build has failed and says why
      const names = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1).replaceAll(sep, "/"));
      tellWorker(folder, names);
      for (const name of names) if (PACKED.has(extname(name))) pack(join(folder, name));
    },
  };
}

function tellWorker(folder: string, names: string[]): void {
  const encryption = names.filter((name) => ENCRYPTION.test(name));
  const shell = names.filter((name) => name !== "sw.js" && !encryption.includes(name) && !EMOJI.test(name)).sort();
  const hash = createHash("sha256");
  for (const name of shell) hash.update(name).update(readFileSync(join(folder, name)));
  const list = (some: string[]) =>
    JSON.stringify(some.map((name) => (name === "index.html" ? "/" : `/${name}`))).replaceAll('"', '\\"');
  const path = join(folder, "sw.js");
  const script = readFileSync(path, "utf8")
    .replace("%BUILD%", hash.digest("hex").slice(0, 16))
    .replace("%FILES%", list(shell))
    .replace("%ENCRYPTION%", list(encryption));
  writeFileSync(path, script);
}

function pack(path: string): void {
  const plain = readFileSync(path);
  const quality = plain.length > 1_000_000 ? 9 : 11; // beyond a megabyte 11 takes half a minute
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
  writeFileSync(`${path}.br`, brotliCompressSync(plain, { params }));
  writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
}

// The server serves what lands here; names under assets/ carry a hash, so browsers may keep them for good.
export default defineConfig({
  plugins: [preact(), finished()],
  base: "/",
  define: { "import.meta.env.VITE_VERSION": JSON.stringify(version()) },
  build: {
    outDir: "../src/bongsu/http/browser/built",
    emptyOutDir: true,
    target: "es2022",
    assetsDir: "assets",
    assetsInlineLimit: 0, // the policy of the page allows no data: scripts or styles
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_500,
    rollupOptions: {
      input: { index: "index.html", sw: "src/sw.ts" },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  server: {
    proxy: { "/_matrix": "http://127.0.0.1:8008", "/.well-known": "http://127.0.0.1:8008" },
  },
});

/** One version for server and client. */
function version(): string {
  const text = readFileSync(resolve(import.meta.dirname, "../pyproject.toml"), "utf8");
  return /^version = "(.+)"$/m.exec(text)?.[1] ?? "";
}
