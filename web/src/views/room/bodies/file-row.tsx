/** A file in a message: its name, its size, and a button that saves it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { FileBody } from "../../../matrix/media-content";
import { Icon } from "../../../ui/icon";
import { save } from "../../../ui/save";
import { bytesText } from "../../../ui/size";
import { useMedia } from "../../../ui/use-media";
import { words } from "../../../words";
import { why } from "./broken";

const w = words({
  save: [(name: string) => `저장: ${name}`, (name: string) => `Save ${name}`],
  loading: ["받는 중…", "Downloading…"],
  nowhere: ["메시지에 파일의 주소가 없습니다.", "The message does not say where the file is."],
  unnamed: ["이름 없는 파일", "Unnamed file"],
});

/** `note`: why what should have been a picture or a sound is shown as a file. */
export function FileRow({ body, note }: { body: FileBody; note?: string }) {
  const isWanted = useSignal(false);
  const media = useMedia(isWanted.value ? body.whole : null);
  const name = body.name || w.unnamed;
  useEffect(() => {
    if (!isWanted.peek() || media?.state !== "ready") return;
    save(media.url, name);
    isWanted.value = false;
  }, [media?.state]);

  const ask = () => (media?.state === "broken" ? media.retry() : (isWanted.value = true));
  return (
    <span class="file-row">
      <Icon name="file" />
      <span class="what">
        <bdi class="line">{name}</bdi>
        <span class="quiet">{body.bytes ? bytesText(body.bytes) : ""} {note ?? (body.whole ? "" : w.nowhere)}</span>
        {media?.state === "loading" && <span class="quiet" role="status">{w.loading}</span>}
        {media?.state === "broken" && <span class="error" role="alert">{why(media.why)}</span>}
      </span>
      {body.whole && (
        <button type="button" class="plain square" aria-label={w.save(name)} title={w.save(name)} onClick={ask}>
          <Icon name={media?.state === "broken" ? "retry" : "down"} />
        </button>
      )}
    </span>
  );
}
