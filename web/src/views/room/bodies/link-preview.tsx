/** What a page linked in a message is about, as the server read it; nothing where there is nothing to say. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { matrix } from "../../../matrix/client";
import { type Preview, previewOf, wanted } from "../../../matrix/previews";
import { useMedia } from "../../../ui/use-media";
import "./link-preview.css";

const IMAGE_SIDE = 320; // px asked of the server
const WIDE_FROM = 300; // px: a smaller image is an emblem, set beside the text

interface Shown {
  url: string;
  at: number; // when the message was sent, ms since 1970
  roomId: string;
}

export function LinkPreview({ url, at, roomId }: Shown) {
  const found = useSignal<Preview | null>(null);
  const isEncrypted = matrix().getRoom(roomId)?.hasEncryptionStateEvent() ?? true;
  const isWanted = isEncrypted ? wanted.value.encrypted : wanted.value.plain;
  useEffect(() => {
    let isHere = true;
    found.value = null;
    if (isWanted && /^https?:\/\//i.test(url)) void previewOf(url, at).then((answer) => isHere && (found.value = answer));
    return () => void (isHere = false);
  }, [url, isWanted]);
  return found.value && isWanted ? <Card url={url} preview={found.value} /> : null;
}

function Card({ url, preview }: { url: string; preview: Preview }) {
  const image = useMedia(preview.image ? { mxc: preview.image, side: IMAGE_SIDE } : null);
  const isWide = (preview.imageWidth ?? 0) >= WIDE_FROM;
  return (
    <a class="link-preview" href={url} target="_blank" rel="noopener noreferrer" data-wide={isWide || undefined}>
      {image?.state === "ready" && <img src={image.url} alt="" onError={(event) => event.currentTarget.remove()} />}
      <span class="quiet line" dir="auto">{preview.site}</span>
      <strong dir="auto">{preview.title}</strong>
      {preview.text && <span class="text" dir="auto">{preview.text}</span>}
    </a>
  );
}
