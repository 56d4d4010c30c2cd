/** In the place of the text: a voice note as it is recorded, to be sent or thrown away. */

import type { Voice } from "../../matrix/uploads";
import { Icon } from "../../ui/icon";
import { lengthText } from "../../ui/size";
import { words } from "../../words";
import type { Recorder, Trouble } from "./voice-recorder";

const w = words({
  recording: ["녹음 중", "Recording"],
  drop: ["녹음 버리기", "Discard recording"],
  send: ["음성 보내기", "Send voice message"],
  full: ["가장 긴 길이에 닿아 녹음을 멈췄습니다.", "The recording has reached its longest and stopped."],
  denied: [
    "마이크 사용이 막혀 있습니다. 브라우저의 사이트 설정에서 허용해 주세요.",
    "The microphone is blocked. Allow it in the browser's settings for this site.",
  ],
  "no-microphone": ["마이크를 찾지 못했습니다.", "No microphone was found."],
  unsupported: [
    "이 브라우저나 주소에서는 녹음할 수 없습니다. https 주소로 열어 주세요.",
    "Recording does not work in this browser or at this address. Open it by https.",
  ],
});

interface Shown {
  recorder: Recorder;
  onSend(file: File, voice: Voice): void;
  onDrop(): void;
}

export function VoiceBar({ recorder, onSend, onDrop }: Shown) {
  return (
    <div class="voice-bar" role="group" aria-label={w.recording}>
      <button type="button" class="plain square" aria-label={w.drop} title={w.drop}
        onClick={() => {
          void recorder.stop();
          onDrop();
        }}
      >
        <Icon name="remove" />
      </button>
      <span class="lamp" aria-hidden="true" />
      <span role="timer" aria-label={w.recording}><Length recorder={recorder} /></span>
      <Levels recorder={recorder} />
      {recorder.isFull.value && <span class="quiet" role="status">{w.full}</span>}
      <button type="button" class="primary round" aria-label={w.send} title={w.send}
        onClick={async () => {
          const { file, voice } = await recorder.finish();
          onSend(file, voice);
        }}
      >
        <Icon name="send" />
      </button>
    </div>
  );
}

export function troubleText(error: unknown): string {
  return w[error instanceof Error && error.message in w ? (error.message as Trouble) : "no-microphone"];
}

function Length({ recorder }: { recorder: Recorder }) {
  return <>{lengthText(recorder.ms.value)}</>;
}

function Levels({ recorder }: { recorder: Recorder }) {
  return (
    <span class="levels" aria-hidden="true">
      {recorder.levels.value.map((level, index) => <i key={index} style={{ height: `${10 + level * 90}%` }} />)}
    </span>
  );
}
