/** A picture in a message: its thumbnail, which opens the whole. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { MatrixEvent } from "matrix-js-sdk";

import type { FileBody } from "../../../matrix/media-content";
import { useMedia } from "../../../ui/use-media";
import { words } from "../../../words";
import { boxOf } from "./box";
import { Broken } from "./broken";
import { FileRow } from "./file-row";
import { openLightbox } from "./lightbox";

const w = words({
  open: [(name: string) => `그림 크게 보기: ${name}`, (name: string) => `Open picture: ${name}`],
  huge: ["너무 큰 그림이라 여기에 그리지 않았습니다.", "Too many pixels to be drawn here."],
  none: ["그림으로 열 수 없는 파일입니다.", "This file cannot be shown as a picture."],
});

export function Picture({ body, event }: { body: FileBody; event: MatrixEvent }) {
  const isStillBad = useSignal(false); // the server has no thumbnail of it: the whole may still be shown
  const isNone = useSignal(false);
  const wanted = isStillBad.value ? body.whole : body.still;
  const media = useMedia(isNone.value ? null : wanted);
  const isThumbnail = wanted !== body.whole;
  useEffect(() => {
    if (isThumbnail && media?.state === "broken" && media.why !== "unreachable") isStillBad.value = true;
  }, [media?.state, isThumbnail]);
  if (isNone.value || !media) return <FileRow body={body} note={w.none} />;
  if (media.state === "ready" && media.isHuge) return <FileRow body={body} note={w.huge} />;

  const failed = () => ((isThumbnail ? isStillBad : isNone).value = true);
  return (
    <span class="picture" style={boxOf(body)}>
      {media.state === "broken" && <Broken reason={media.why} retry={media.retry} />}
      {media.state === "ready" && (
        <button type="button" class="plain" aria-label={w.open(body.name)} onClick={() => openLightbox(event)}>
          <img src={media.url} alt={body.name} draggable={false} onError={failed} />
        </button>
      )}
    </span>
  );
}
