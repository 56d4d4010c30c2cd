/**
 * A picture over everything: the whole of it, the ones before and after it in the room, saved, enlarged. Escape closes;
 * the arrows walk. It has a root of its own, so that it stays when the timeline below lets go of the message.
 */

import { signal, useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { MatrixEvent } from "matrix-js-sdk";

import { matrix } from "../../../matrix/client";
import { fileBody } from "../../../matrix/media-content";
import { Icon } from "../../../ui/icon";
import { save } from "../../../ui/save";
import { useMedia } from "../../../ui/use-media";
import { words } from "../../../words";
import { Broken } from "./broken";
import "./lightbox.css";

const w = words({
  close: ["닫기", "Close"],
  save: ["저장", "Save"],
  previous: ["앞 그림", "Previous picture"],
  next: ["다음 그림", "Next picture"],
  huge: ["너무 큰 그림이라 여기에 그리지 않았습니다. 저장해서 볼 수 있습니다.", "Too many pixels to be drawn here. It can be saved."],
  loading: ["불러오는 중…", "Loading…"],
  larger: ["원래 크기로 보기", "Show at full size"],
  smaller: ["화면에 맞추기", "Fit to the screen"],
});

const shown = signal<MatrixEvent | null>(null);
let root: HTMLElement | null = null;

export function openLightbox(event: MatrixEvent): void {
  shown.value = event;
  if (root) return;
  root = document.body.appendChild(document.createElement("div"));
  render(<Lightbox />, root);
}

function close(): void {
  if (root) render(null, root);
  root?.remove();
  root = null;
  shown.value = null;
}

function Lightbox() {
  const event = shown.value;
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current!.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  if (!event) return null;
  const [previous, next] = neighbours(event);
  const walk = (to?: MatrixEvent) => to && (shown.value = to);
  return (
    <dialog
      ref={box}
      class="lightbox"
      aria-label={fileBody(event.getContent()).name}
      onCancel={(cancelled) => {
        cancelled.preventDefault();
        close();
      }}
      onKeyDown={({ key }) => {
        if (key === "ArrowLeft") walk(previous);
        if (key === "ArrowRight") walk(next);
      }}
    >
      <Whole key={event.getId()} event={event} />
      {previous && <button type="button" class="side previous" aria-label={w.previous} onClick={() => walk(previous)}><Icon name="back" /></button>}
      {next && <button type="button" class="side next" aria-label={w.next} onClick={() => walk(next)}><Icon name="next" /></button>}
    </dialog>
  );
}

function Whole({ event }: { event: MatrixEvent }) {
  const large = useSignal(false);
  const body = fileBody(event.getContent(), event.getType() === "m.sticker");
  const media = useMedia(body.whole);
  return (
    <>
      <header>
        <bdi class="line">{body.name}</bdi>
        {media?.state === "ready" && (
          <button type="button" class="plain" aria-label={w.save} title={w.save} onClick={() => save(media.url, body.name)}><Icon name="down" /></button>
        )}
        <button type="button" class="plain" aria-label={w.close} title={w.close} onClick={close}><Icon name="close" /></button>
      </header>
      <div class="stage" onClick={({ target, currentTarget }) => target === currentTarget && close()}>
        {media?.state === "loading" && <p role="status">{w.loading}</p>}
        {media?.state === "broken" && <Broken reason={media.why} retry={media.retry} />}
        {media?.state === "ready" && media.isHuge && <p role="status">{w.huge}</p>}
        {media?.state === "ready" && !media.isHuge && <Sized url={media.url} name={body.name} large={large} />}
      </div>
    </>
  );
}

function Sized({ url, name, large }: { url: string; name: string; large: { value: boolean } }) {
  return (
    <button type="button" class="plain whole" data-large={large.value || undefined} aria-label={large.value ? w.smaller : w.larger} onClick={() => (large.value = !large.value)}>
      <img src={url} alt={name} draggable={false} />
    </button>
  );
}

/** Among what sync has brought of the room. */
function neighbours(event: MatrixEvent): [MatrixEvent?, MatrixEvent?] {
  const all = matrix().getRoom(event.getRoomId())?.getLiveTimeline().getEvents() ?? [];
  const pictures = all.filter((each) => each.getContent().msgtype === "m.image" && !each.isRedacted());
  const at = pictures.findIndex((each) => each.getId() === event.getId());
  return at < 0 ? [] : [pictures[at - 1], pictures[at + 1]];
}
