import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import preact from "@preact/preset-vite";
import { defineConfig, type Plugin } from "vite";

const PACKED = new Set([".html", ".js", ".css", ".svg", ".wasm", ".webmanifest", ".json"]);

/** Write NAME.br and NAME.gz beside each file that shrinks: the server packs nothing itself. */
function packed(): Plugin {
  let folder = "";
  return {
    name: "packed",
    apply: "build",
    enforce: "post",
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!PACKED.has(extname(name))) continue;
        const plain = readFileSync(join(folder, name));
        const quality = plain.length > 1_000_000 ? 9 : 11; // beyond a megabyte 11 takes half a minute
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(plain, {
          params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
        }));
        writeFileSync(join(folder, `${name}.gz`), gzipSync(plain, { level: 9 }));
      }
    },
  };
}

// The server serves what lands here; names carry a hash, so browsers may keep them for good.
export default defineConfig({
  plugins: [preact(), packed()],
  base: "/",
  build: {
    outDir: "../src/bongsu/http/browser/built",
    emptyOutDir: true,
    target: "es2022",
    assetsDir: "assets",
    assetsInlineLimit: 0, // the policy of the page allows no data: scripts or styles
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/_matrix": "http://127.0.0.1:8008", "/.well-known": "http://127.0.0.1:8008" },
  },
});
