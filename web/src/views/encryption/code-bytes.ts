/** What the QR code in a picture says, byte for byte; null if there is none. */

import { decodeQR, type Image } from "qr/decode.js";

export function bytesOfCode(picture: Image): Uint8ClampedArray | null {
  try {
    // The reader hands out text only; a letter for each byte keeps them as they are.
    const text = decodeQR(picture, { textDecoder: (bytes) => String.fromCharCode(...bytes) });
    return Uint8ClampedArray.from(text, (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
