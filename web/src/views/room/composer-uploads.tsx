/** Files of this composer: chosen, on their way, or stuck; each with what can be done about it. */

import { useEffect, useState } from "preact/hooks";

import { PIXELS_MAX, sizeOf } from "../../matrix/probe";
import { bytesMax, cancel, retry, type Upload, uploads, type Written } from "../../matrix/uploads";
import { shownName } from "../../matrix/media-content";
import type { Failure } from "../../matrix/upload-request";
import { Icon } from "../../ui/icon";
import { bytesText } from "../../ui/size";
import { words } from "../../words";

const w = words({
  title: ["보낼 파일", "Files to send"],
  cancel: [(name: string) => `${name} 취소`, (name: string) => `Cancel ${name}`],
  retry: [(name: string) => `${name} 다시 시도`, (name: string) => `Try ${name} again`],
  queued: ["차례를 기다리는 중", "Waiting for its turn"],
  sending: [(percent: number) => `보내는 중 ${percent}%`, (percent: number) => `Sending ${percent}%`],
  tooLarge: [(max: string) => `너무 큽니다. 이 서버는 ${max}까지 받습니다.`, (max: string) => `Too large: this server takes up to ${max}.`],
  "too-large": ["서버가 받기에는 너무 큽니다.", "Too large for the server."],
  refused: ["서버가 받지 않았습니다.", "The server refused it."],
  unreachable: ["서버에 닿지 않습니다.", "The server cannot be reached."],
  busy: ["서버가 바쁩니다. 잠시 뒤 다시 시도해 주세요.", "The server is busy. Try again in a moment."],
  unreadable: ["파일을 읽을 수 없습니다. 폴더이거나 옮겨졌습니다.", "The file cannot be read: a folder, or moved since."],
  "tells-place": [
    "찍은 곳을 지울 수 없는 동영상이라 보내지 않았습니다. zip으로 묶으면 그대로 갑니다.",
    "Not sent: the place where it was filmed could not be taken out. In a zip file it goes as it is.",
  ],
  waiting: ["서버가 바빠서 기다리는 중", "Waiting for the server, which is busy"],
  "no-encryption": ["암호화할 수 없어 보내지 않았습니다.", "It could not be encrypted, so it was not sent."],
  insecure: ["암호화된 방의 파일은 https 주소에서만 보낼 수 있습니다.", "Files go into encrypted rooms from an https address only."],
  full: ["보내지 못한 메시지가 너무 많습니다.", "Too many messages wait to be sent."],
  cancelled: ["취소했습니다.", "Cancelled."],
});

const FINAL = new Set<Failure>(["too-large", "tells-place"]); // another try would end as this one

interface Shown {
  composer: string;
  onCaption(written: Written): void; // of a file that was taken away
}

export function ComposerUploads({ composer, onCaption }: Shown) {
  const here = uploads.value.filter((each) => each.composer === composer);
  if (!here.length) return null;
  return (
    <ul class="uploads" aria-label={w.title}>
      {here.map((each) => <Row key={each.id} upload={each} onCaption={onCaption} />)}
    </ul>
  );
}

function Row({ upload, onCaption }: { upload: Upload; onCaption(written: Written): void }) {
  const { id, file, state, failed, sent, isWaiting, caption } = upload;
  const name = shownName(file.name);
  const percent = file.size ? Math.floor((sent / file.size) * 100) : 0;
  const takeAway = () => {
    const written = cancel(id);
    if (written) onCaption(written);
  };
  return (
    <li data-state={state}>
      <Preview file={file} />
      <span class="what">
        <bdi class="line">{name}</bdi>
        {caption && <span class="line" dir="auto">{caption}</span>}
        {state === "staged" && <span class="quiet">{bytesText(file.size)}</span>}
        {state === "queued" && <span class="quiet">{w.queued}</span>}
        {state === "sending" && <span class="quiet">{isWaiting ? w.waiting : w.sending(percent)}</span>}
        {state === "failed" && <span class="error" role="alert">{reason(failed!)}</span>}
        {state === "sending" && <progress max={100} value={percent} aria-label={name} />}
      </span>
      {state === "failed" && !FINAL.has(failed!) && (
        <button type="button" class="plain square" aria-label={w.retry(name)} title={w.retry(name)} onClick={() => retry(id)}>
          <Icon name="retry" />
        </button>
      )}
      <button type="button" class="plain square" aria-label={w.cancel(name)} title={w.cancel(name)} onClick={takeAway}>
        <Icon name="close" />
      </button>
    </li>
  );
}

function reason(failed: Failure): string {
  return failed === "too-large" && bytesMax.value !== null ? w.tooLarge(bytesText(bytesMax.value)) : w[failed];
}

function Preview({ file }: { file: File }) {
  const url = usePreview(file);
  const name = file.type.startsWith("audio/") ? "sound" : file.type.startsWith("video/") ? "play" : "file";
  return (
    <span class="preview" aria-hidden="true">
      <Icon name={name} />
      {url && <img src={url} alt="" />}
    </span>
  );
}

/** Null for what is no picture, and for one too large to be drawn. */
function usePreview(file: File): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!file.type.startsWith("image/")) return undefined;
    const made = URL.createObjectURL(file);
    void sizeOf(file).then((size) => size && size.w * size.h <= PIXELS_MAX && setUrl(made));
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
