/** A video in a message: a still, and when asked for, the video with the browser's own controls. */

import { useSignal } from "@preact/signals";

import type { FileBody } from "../../../matrix/media-content";
import { Icon } from "../../../ui/icon";
import { bytesText, lengthText } from "../../../ui/size";
import { useMedia } from "../../../ui/use-media";
import { words } from "../../../words";
import { boxOf } from "./box";
import { Broken } from "./broken";
import { FileRow } from "./file-row";

const w = words({
  play: [(name: string) => `동영상 재생: ${name}`, (name: string) => `Play video: ${name}`],
  loading: ["불러오는 중…", "Loading…"],
  none: ["이 브라우저가 재생하지 못하는 동영상입니다.", "This browser cannot play this video."],
});

export function Video({ body }: { body: FileBody }) {
  const isWanted = useSignal(false);
  const isNone = useSignal(false);
  const still = useMedia(body.still);
  const whole = useMedia(isWanted.value ? body.whole : null);
  if (isNone.value) return <FileRow body={body} note={w.none} />;
  const about = [body.duration && lengthText(body.duration), body.bytes && bytesText(body.bytes)].filter(Boolean).join(" · ");
  return (
    <span class="picture video" style={boxOf(body)}>
      {still?.state === "ready" && whole?.state !== "ready" && <img src={still.url} alt="" draggable={false} onError={(event) => event.currentTarget.remove()} />}
      {!whole && (
        <button type="button" class="play" aria-label={w.play(body.name)} onClick={() => (isWanted.value = true)}><Icon name="play" /></button>
      )}
      {whole?.state === "loading" && <span class="badge" role="status">{w.loading}</span>}
      {!whole && about && <span class="badge" aria-hidden="true">{about}</span>}
      {whole?.state === "broken" && <Broken reason={whole.why} retry={whole.retry} />}
      {whole?.state === "ready" && <video src={whole.url} controls autoplay playsInline aria-label={body.name} onError={() => (isNone.value = true)} />}
    </span>
  );
}
