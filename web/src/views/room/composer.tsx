/**
 * Where one writes: text, mentions, emoji, files, voice. What was typed is never lost: it is a draft from its first key.
 * Enter sends where there are keys, Shift+Enter breaks the line; on a touch screen Enter breaks and the button sends.
 */

import { useComputed } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { rooms } from "../../matrix/rooms";
import { EmojiPicker } from "../../ui/emoji-picker";
import { Icon } from "../../ui/icon";
import { touch } from "../../ui/touch";
import { words } from "../../words";
import { ComposerAbout } from "./composer-about";
import { CompletionList } from "./composer-completion";
import { followFiles, pastedFiles } from "./composer-files";
import { ComposerUploads } from "./composer-uploads";
import { VoiceBar } from "./composer-voice";
import { composerKey } from "./composing";
import { TypingLine } from "./typing-line";
import { Writer } from "./writer";
import "./composer.css";

const w = words({
  label: ["메시지 쓰기", "Write a message"],
  hint: ["메시지", "Message"],
  caption: ["파일과 함께 보낼 글", "Add a caption"],
  attach: ["파일 붙이기", "Attach files"],
  emoji: ["이모지 고르기", "Choose an emoji"],
  send: ["보내기", "Send"],
  voice: ["음성 녹음", "Record a voice message"],
  silent: ["이 대화에는 쓸 수 없습니다.", "You cannot write in this chat."],
});

interface Shown {
  roomId: string;
  thread?: string;
}

export function Composer({ roomId, thread }: Shown) {
  const maySend = useComputed(() => (rooms.value, matrix().getRoom(roomId)?.maySendMessage() ?? false));
  if (!maySend.value) return <p class="composer silent quiet">{w.silent}</p>;
  return <Writing key={composerKey(roomId, thread)} roomId={roomId} thread={thread} />;
}

function Writing({ roomId, thread }: Shown) {
  const list = useId();
  const writer = useMemo(() => new Writer(roomId, thread, list), []);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => writer.start(), []);
  useEffect(() => followFiles(form.current!.parentElement!, writer.attach), []);

  const { field, isPicking, recorder } = writer;
  const pickNoMore = () => {
    isPicking.value = false;
    field.focus();
  };
  return (
    <form ref={form} class="composer" onSubmit={(event) => (event.preventDefault(), writer.submit())}>
      {!thread && <TypingLine roomId={roomId} />}
      {writer.trouble.value && <p class="error" role="alert">{writer.trouble.value}</p>}
      <ComposerAbout roomId={roomId} composer={writer.composer} />
      <ComposerUploads composer={writer.composer} onCaption={(written) => field.putBack(written)} />
      <CompletionList completion={writer.completion} />
      {isPicking.value && <EmojiPicker onPick={(sign) => field.insert(sign)} onClose={pickNoMore} />}
      {recorder.value && (
        <VoiceBar recorder={recorder.value} onSend={(file, voice) => writer.sendVoice(file, voice)} onDrop={() => (recorder.value = null)} />
      )}
      <div class="row" hidden={recorder.value !== null}>
        <Attach onFiles={writer.attach} />
        <Text writer={writer} />
        <button type="button" class="plain square" aria-label={w.emoji} title={w.emoji} aria-expanded={isPicking.value}
          onClick={() => (isPicking.value = !isPicking.value)}
        >
          <Icon name="emoji" />
        </button>
        <Go writer={writer} />
      </div>
    </form>
  );
}

/** Uncontrolled: no state is ever drawn into it. */
function Text({ writer }: { writer: Writer }) {
  return (
    <textarea
      ref={writer.field.attach}
      rows={1}
      aria-label={w.label}
      aria-autocomplete="list"
      placeholder={writer.isCaption.value ? w.caption : w.hint}
      dir="auto"
      enterkeyhint={touch.matches ? "enter" : "send"}
      onKeyDown={(event) => writer.key(event)}
      onInput={() => writer.typed()}
      onPaste={(event) => {
        const files = pastedFiles(event.clipboardData);
        if (!files.length) return;
        event.preventDefault();
        writer.attach(files);
      }}
    />
  );
}

/** Sends what there is; where there is nothing, listens. */
function Go({ writer }: { writer: Writer }) {
  if (writer.field.isEmpty.value && !writer.hasFiles.value) {
    return (
      <button type="button" class="plain square" aria-label={w.voice} title={w.voice} onClick={() => void writer.record()}>
        <Icon name="microphone" />
      </button>
    );
  }
  const keepKeyboard = (event: PointerEvent) => event.preventDefault(); // a phone's goes away with the focus
  return (
    <button class="primary round" aria-label={w.send} title={w.send} onPointerDown={keepKeyboard}>
      <Icon name="send" />
    </button>
  );
}

function Attach({ onFiles }: { onFiles(files: readonly File[]): void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="plain square" aria-label={w.attach} title={w.attach} onClick={() => input.current!.click()}>
        <Icon name="attach" />
      </button>
      <input ref={input} type="file" multiple hidden
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          currentTarget.value = ""; // the same file may be chosen again
        }}
      />
    </>
  );
}
