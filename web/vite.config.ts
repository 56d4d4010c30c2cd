import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

// The server serves what lands here; names carry a hash, so browsers may keep them for good.
export default defineConfig({
  plugins: [preact()],
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
