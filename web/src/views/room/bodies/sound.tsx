/**
 * A voice note or another sound: a button, its waveform to be clicked or walked with the arrows, its length. It is
 * downloaded when first played; one plays at a time.
 */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import type { FileBody } from "../../../matrix/media-content";
import { Icon } from "../../../ui/icon";
import { lengthText } from "../../../ui/size";
import { useMedia } from "../../../ui/use-media";
import { words } from "../../../words";
import { Broken } from "./broken";
import { FileRow } from "./file-row";

const w = words({
  play: ["재생", "Play"],
  pause: ["멈춤", "Pause"],
  voice: ["음성 메시지", "Voice message"],
  place: ["재생 위치", "Position"],
  none: ["이 브라우저가 재생하지 못하는 소리입니다.", "This browser cannot play this sound."],
});

let playing: HTMLAudioElement | null = null;

export function Sound({ body }: { body: FileBody }) {
  const isWanted = useSignal(false);
  const isNone = useSignal(false);
  const isPlaying = useSignal(false);
  const at = useSignal(0); // ms
  const length = useSignal(body.duration ?? 0); // ms
  const player = useRef<HTMLAudioElement>(null);
  const media = useMedia(isWanted.value ? body.whole : null);
  useEffect(() => () => void (playing === player.current && (playing = null)), []);
  if (isNone.value) return <FileRow body={body} note={w.none} />;
  if (media?.state === "broken") return <Broken reason={media.why} retry={media.retry} />;

  const toggle = () => {
    isWanted.value = true;
    const audio = player.current;
    if (audio) void (audio.paused ? audio.play().catch(() => undefined) : audio.pause());
  };
  return (
    <div class="sound" role="group" aria-label={body.kind === "voice" ? w.voice : body.name}>
      <button type="button" class="primary round" aria-label={isPlaying.value ? w.pause : w.play} aria-busy={media?.state === "loading"} onClick={toggle}>
        <Icon name={isPlaying.value ? "pause" : "play"} />
      </button>
      <span class="track">
        {body.kind === "audio" && <bdi class="line">{body.name}</bdi>}
        <Wave points={body.waveform} part={length.value ? at.value / length.value : 0} />
        <input type="range" min={0} max={Math.max(1, length.value)} step={100} value={at.value} aria-label={w.place}
          aria-valuetext={`${lengthText(at.value)} / ${lengthText(length.value)}`}
          onInput={({ currentTarget }) => {
            at.value = Number(currentTarget.value);
            if (player.current) player.current.currentTime = at.value / 1000;
          }}
        />
      </span>
      <span class="quiet time">{lengthText(at.value || length.value)}</span>
      {media?.state === "ready" && (
        <audio ref={player} src={media.url} autoplay
          onPlay={({ currentTarget }) => {
            if (playing !== currentTarget) playing?.pause();
            playing = currentTarget;
            isPlaying.value = true;
          }}
          onPause={() => (isPlaying.value = false)}
          onEnded={() => (at.value = 0)}
          onTimeUpdate={({ currentTarget }) => (at.value = currentTarget.currentTime * 1000)}
          onDurationChange={({ currentTarget: { duration } }) => Number.isFinite(duration) && (length.value = duration * 1000)}
          onError={() => (isNone.value = true)}
        />
      )}
    </div>
  );
}

function Wave({ points, part }: { points: readonly number[]; part: number }) {
  if (!points.length) return <progress max={1} value={part} aria-hidden="true" />;
  return (
    <span class="wave" aria-hidden="true">
      {points.map((point, index) => (
        <i key={index} data-played={index / points.length < part || undefined} style={{ height: `${12 + point * 88}%` }} />
      ))}
    </span>
  );
}
