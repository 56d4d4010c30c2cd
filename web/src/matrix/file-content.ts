/** The content of a message that brings a file: picture, video, sound, voice or anything else. Pure. */

import type { EncryptedFile } from "./attachments";
import type { Nature } from "./probe";
import type { Voice } from "./uploads";

export type Placed = { url: string } | { file: EncryptedFile };

const NAME_CHARS_MAX = 200; // it stands in the message twice, and in the address that is uploaded to
const ENDING_CHARS_MAX = 20;
const TYPES = { image: "m.image", video: "m.video", audio: "m.audio", file: "m.file" } as const;

export function fileContent(file: File, nature: Nature, whole: Placed, still: Placed | undefined, voice?: Voice) {
  const made = "still" in nature ? nature.still : undefined;
  const { kind, still: _, ...measured } = { still: undefined, ...nature };
  return {
    msgtype: TYPES[kind],
    body: shortName(file.name),
    filename: shortName(file.name),
    ...whole,
    info: {
      ...measured,
      size: file.size,
      mimetype: file.type || "application/octet-stream",
      ...(still && made && {
        ...("url" in still ? { thumbnail_url: still.url } : { thumbnail_file: still.file }),
        thumbnail_info: { w: made.w, h: made.h, size: made.blob.size, mimetype: made.blob.type },
      }),
    },
    ...(voice && voiceFields(voice)),
    "m.mentions": {},
  };
}

/** Cut in its middle, so that what kind of file it is can still be seen. */
export function shortName(name: string): string {
  const letters = [...name];
  if (letters.length <= NAME_CHARS_MAX) return name;
  const dot = letters.lastIndexOf(".");
  const ending = letters.length - dot <= ENDING_CHARS_MAX ? letters.slice(dot) : [];
  return [...letters.slice(0, NAME_CHARS_MAX - ending.length - 1), "…", ...ending].join("");
}

/** MSC3245 and MSC1767: the names under which other clients know a voice note. */
function voiceFields(voice: Voice) {
  return { "org.matrix.msc1767.audio": voice, "org.matrix.msc3245.voice": {} };
}
