/** A QR code as rows of modules, dark ones true, with the light border that cameras need. */

import encodeQR from "qr";

const BORDER = 3; // modules

/** `content` may be bytes, which come through as they are. */
export function modules(content: string | readonly number[]): boolean[][] {
  const options = { ecc: "medium", border: BORDER } as const;
  if (typeof content === "string") return encodeQR(content, "raw", options);
  // The library takes text, and asks how to make bytes of it.
  return encodeQR("", "raw", { ...options, encoding: "byte", textEncoder: () => Uint8Array.from(content) });
}
