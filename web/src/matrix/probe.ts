/**
 * What a file really is, asked of the browser's own decoders: the sizes of a picture, the length of a sound, a still
 * of a video. What they cannot read is a file, whatever its name says.
 */

export const PIXELS_MAX = 64_000_000; // of a picture: 256 MB once it is decoded, which a phone's page does not survive more than
const PROBE_MS = 10_000; // a decoder that says nothing for so long will not
const STILL_SIDE = 800; // px: the longer side of a thumbnail
const STILL_QUALITY = 0.8;
const STILL_AT_SECONDS = 0.1; // many videos begin with a black frame

export interface Still {
  blob: Blob;
  w: number;
  h: number;
}

export type Nature =
  | { kind: "image"; w: number; h: number; still?: Still }
  | { kind: "video"; w: number; h: number; duration?: number; still?: Still }
  | { kind: "audio"; duration?: number } // ms
  | { kind: "file" };

/** `withStill`: a picture's thumbnail is made here, for rooms where the server cannot; a video's always is. */
export async function probe(file: File, withStill: boolean): Promise<Nature> {
  try {
    if (file.type.startsWith("image/")) return await pictureOf(file, withStill);
    if (file.type.startsWith("video/")) return await videoOf(file);
    if (file.type.startsWith("audio/")) return { kind: "audio", ...(await lengthOf(file)) };
  } catch {
    // not what it claims to be
  }
  return { kind: "file" };
}

async function pictureOf(file: File, withStill: boolean): Promise<Nature> {
  const size = await sizeOf(file);
  if (!size || size.w * size.h > PIXELS_MAX) return { kind: "file" };
  const bitmap = await createImageBitmap(file);
  try {
    const { width: w, height: h } = bitmap;
    const isSmall = Math.max(w, h) <= STILL_SIDE;
    const still = withStill && !isSmall ? await stillOf(bitmap, w, h, file.type) : undefined;
    return { kind: "image", w, h, ...(still ? { still } : {}) };
  } finally {
    bitmap.close();
  }
}

/** The sides of a picture, read without decoding it; null for what is none. */
export async function sizeOf(blob: Blob): Promise<{ w: number; h: number } | null> {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
      image.src = url;
    });
    return { w: image.naturalWidth, h: image.naturalHeight };
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function videoOf(file: File): Promise<Nature> {
  return await loaded("video", file, "loadeddata", async (video) => {
    const { videoWidth: w, videoHeight: h } = video as HTMLVideoElement;
    if (!w || !h) return { kind: "audio", ...duration(video) }; // sound in a video's wrapping
    const seeked = happens(video, "seeked");
    video.currentTime = Math.min(STILL_AT_SECONDS, Number.isFinite(video.duration) ? video.duration / 2 : 0);
    const still = await seeked.then(() => stillOf(video as HTMLVideoElement, w, h, "image/jpeg")).catch(() => undefined);
    return { kind: "video", w, h, ...duration(video), ...(still ? { still } : {}) };
  });
}

async function lengthOf(file: File): Promise<{ duration?: number }> {
  return await loaded("audio", file, "loadedmetadata", (audio) => Promise.resolve(duration(audio)));
}

async function loaded<T>(
  tag: "audio" | "video", file: File, event: string, then: (media: HTMLMediaElement) => Promise<T>,
): Promise<T> {
  const media = document.createElement(tag);
  const url = URL.createObjectURL(file);
  try {
    media.muted = true;
    media.preload = "auto";
    const is = happens(media, event);
    media.src = url;
    await is;
    return await then(media);
  } finally {
    media.removeAttribute("src");
    media.load(); // lets the decoder go
    URL.revokeObjectURL(url);
  }
}

function happens(media: HTMLMediaElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the decoder says nothing")), PROBE_MS);
    const end = (finish: () => void) => () => {
      clearTimeout(timer);
      finish();
    };
    media.addEventListener(event, end(resolve), { once: true });
    media.addEventListener("error", end(() => reject(new Error("the decoder cannot read it"))), { once: true });
  });
}

/** Recordings without an index have no length until they are played. */
function duration({ duration: seconds }: HTMLMediaElement): { duration?: number } {
  return Number.isFinite(seconds) ? { duration: Math.round(seconds * 1000) } : {};
}

async function stillOf(from: CanvasImageSource, width: number, height: number, type: string): Promise<Still | undefined> {
  const scale = Math.min(1, STILL_SIDE / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  canvas.getContext("2d")?.drawImage(from, 0, 0, w, h);
  const made = type === "image/jpeg" ? type : "image/webp"; // the others may be transparent
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, made, STILL_QUALITY));
  return blob ? { blob, w, h } : undefined;
}
