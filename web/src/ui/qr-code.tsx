/** A code to be read by a camera: dark on light in both themes, as cameras expect it. */

import { useMemo } from "preact/hooks";

import { modules } from "./qr-modules";
import "./qr-code.css";

/** `text` may be bytes. */
export function QrCode({ text, label }: { text: string | readonly number[]; label: string }) {
  const { size, path } = useMemo(() => drawn(text), [text]);
  return (
    <svg class="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <path d={path} />
    </svg>
  );
}

function drawn(text: string | readonly number[]): { size: number; path: string } {
  const lines = modules(text);
  const dark = lines.flatMap((line, y) => line.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")));
  return { size: lines.length, path: dark.join("") };
}
