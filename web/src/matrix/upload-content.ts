/**
 * From a chosen file to the content of its message: what a camera wrote into it is taken out, it is measured, encrypted
 * where the room wants it, and put to the server. What is known once is not found out again when it is tried once more.
 */

import type { IContent } from "matrix-js-sdk";

import { canEncrypt, encryptAttachment, type EncryptedFile } from "./attachments";
import { matrix } from "./client";
import { CannotEncrypt, NoLongerEncrypted, readyToSend } from "./crypto-rooms";
import { fileContent, type Placed, shortName } from "./file-content";
import { abortable } from "./pause";
import { withoutMetadata } from "./photo-metadata";
import { type Nature, probe } from "./probe";
import { type Ticket, upload, UploadFailed, type Watch } from "./upload-request";
import type { Target, Voice } from "./uploads";
import { Malformed } from "./video-boxes";
import { videoWithoutMetadata } from "./video-metadata";

/** Where one of the two parts of an upload goes: the file, or its thumbnail. */
export interface Placing extends Ticket {
  encrypted?: Omit<EncryptedFile, "url">;
}

export interface Making {
  clean?: File;
  nature?: Nature;
  whole: Placing & { bytes?: Blob };
  still: Placing & { bytes?: Blob };
}

interface Given {
  file: File;
  voice?: Voice;
  target: Target;
}

/** Throws UploadFailed, or what the browser throws when it cannot read the file. */
export async function uploadedContent({ file, voice, target }: Given, making: Making, watch: Watch): Promise<IContent> {
  const isEncrypted = await encrypts(target, watch.signal);
  if (isEncrypted && !canEncrypt()) throw new UploadFailed("insecure");
  await file.slice(0, 1).arrayBuffer(); // a folder, or gone since: throws
  making.clean ??= await cleaned(file);
  making.nature ??= voice ? { kind: "audio", duration: voice.duration } : await probe(making.clean, isEncrypted);
  const { clean, nature } = making;
  const still = "still" in nature ? nature.still : undefined;
  const quietly = { ...watch, onSent: () => undefined };
  const placedStill = still && (await placed(still.blob, null, making.still, isEncrypted, quietly));
  const whole = await placed(clean, shortName(clean.name), making.whole, isEncrypted, watch);
  return { ...fileContent(clean, nature, whole, placedStill, voice), ...target.said };
}

/** Of a video that cannot be followed nobody knows whether it tells where it was filmed: it does not go. */
async function cleaned(file: File): Promise<File> {
  try {
    return await videoWithoutMetadata(await withoutMetadata(file));
  } catch (error) {
    throw error instanceof Malformed ? new UploadFailed("tells-place") : error;
  }
}

/** What was chosen for an encrypted room never goes out in the clear, whatever this page knows of the room by now. */
async function encrypts({ roomId, encrypted }: Target, signal: AbortSignal): Promise<boolean> {
  try {
    await abortable(readyToSend(roomId), signal);
  } catch (error) {
    if (signal.aborted) throw new UploadFailed("cancelled");
    const isSecret = error instanceof CannotEncrypt || error instanceof NoLongerEncrypted;
    throw new UploadFailed(isSecret ? "no-encryption" : "refused");
  }
  const isEncrypted = Boolean(matrix().getRoom(roomId)?.hasEncryptionStateEvent());
  if (encrypted && !isEncrypted) throw new UploadFailed("no-encryption");
  return isEncrypted;
}

async function placed(
  blob: Blob, name: string | null, placing: Making["whole"], isEncrypted: boolean, watch: Watch,
): Promise<Placed> {
  if (!isEncrypted) return { url: await upload(blob, name, placing, watch) };
  if (!placing.encrypted || (!placing.bytes && !placing.done)) {
    delete placing.mxc; // of a try before the room was encrypted
    delete placing.done;
    const { bytes, file } = await encryptAttachment(await blob.arrayBuffer());
    placing.bytes = new Blob([bytes], { type: "application/octet-stream" });
    placing.encrypted = file;
  }
  return { file: { ...placing.encrypted, url: await upload(placing.bytes ?? blob, null, placing, watch) } };
}
