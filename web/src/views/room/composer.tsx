/**
 * Where one writes: text, mentions, emoji, files, voice. What was typed is never lost: it is a draft from its first
 * key, it leaves the field when the outbox has it, and comes back if that refuses. Enter sends where there are keys,
 * Shift+Enter breaks the line; on a touch screen Enter breaks and the button sends.
 */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { send } from "../../matrix/outbox";
import { rooms } from "../../matrix/rooms";
import { findEvent } from "../../matrix/timeline";
import { iStop, iType } from "../../matrix/typing";
import { sendStaged, stage, uploads, type Voice } from "../../matrix/uploads";
import { EmojiPicker } from "../../ui/emoji-picker";
import { Icon } from "../../ui/icon";
import { touch } from "../../ui/touch";
import { words } from "../../words";
import { ComposerAbout } from "./composer-about";
import { announce, Completion, CompletionList } from "./composer-completion";
import { type Answered, editContent, isTooLong, messageContent, relation } from "./composer-content";
import { Field } from "./composer-field";
import { followFiles, pastedFiles } from "./composer-files";
import { lastEditable, writtenIn } from "./composer-original";
import { ComposerUploads } from "./composer-uploads";
import { troubleText, VoiceBar } from "./composer-voice";
import { compose, composerKey, composing } from "./composing";
import { TypingLine } from "./typing-line";
import { Recorder } from "./voice-recorder";
import "./composer.css";

const w = words({
  label: ["메시지 쓰기", "Write a message"],
  hint: ["메시지", "Message"],
  attach: ["파일 붙이기", "Attach files"],
  emoji: ["이모지 고르기", "Choose an emoji"],
  send: ["보내기", "Send"],
  voice: ["음성 녹음", "Record a voice message"],
  silent: ["이 대화에는 쓸 수 없습니다.", "You cannot write in this chat."],
  left: [(n: number) => `한 번에 너무 많습니다. ${n}개는 붙이지 못했습니다.`, (n: number) => `Too many at once: ${n} were left out.`],
  long: ["글이 너무 깁니다. 나누어서 보내 주세요.", "It is too long. Please send it in parts."],
  unsent: ["보내지 못했습니다. 쓴 글은 그대로 있습니다.", "It was not sent. What you wrote is still here."],
});

export function Composer({ roomId, thread }: { roomId: string; thread?: string }) {
  const maySend = useComputed(() => (rooms.value, matrix().getRoom(roomId)?.maySendMessage() ?? false));
  if (!maySend.value) return <p class="composer silent quiet">{w.silent}</p>;
  const composer = composerKey(roomId, thread);
  return <Writing key={composer} roomId={roomId} thread={thread} composer={composer} />;
}

function Writing({ roomId, thread, composer }: { roomId: string; thread?: string; composer: string }) {
  const field = useMemo(() => new Field(composer), []);
  const list = useId();
  const completion = useMemo(() => new Completion(list, roomId, field), []);
  const form = useRef<HTMLFormElement>(null);
  const trouble = useSignal("");
  const isPicking = useSignal(false);
  const recorder = useSignal<Recorder | null>(null);
  const hasFiles = useComputed(() => uploads.value.some((each) => each.composer === composer && each.state === "staged"));

  useEffect(() => {
    const { kept } = field;
    if (kept.editing || kept.replyTo) compose(composer, kept);
    if (!touch.matches && (!document.activeElement || document.activeElement === document.body)) field.focus();
    const stops = [() => completion.close(), announce(completion, field), () => iStop(roomId), () => void recorder.peek()?.stop()];
    return () => stops.forEach((stop) => stop());
  }, []);
  useEffect(() => followFiles(form.current!.parentElement!, attach), []);
  useSignalEffect(() => {
    const about = composing.value.get(composer) ?? {};
    field.follow(about, (eventId) => original(roomId, eventId));
    if (about.editing || about.replyTo) field.focus();
  });

  function attach(files: readonly File[]) {
    const { left } = stage(composer, files);
    trouble.value = left ? w.left(left) : "";
    field.focus();
  }

  function submit() {
    trouble.value = "";
    sendFiles();
    const { written } = field;
    const { editing } = composing.peek().get(composer) ?? {};
    const content = editing ? editContent(written, editing, mentionedIn(roomId, editing)) : messageContent(written, answered(roomId, composer));
    if (!content) return;
    if (isTooLong(content)) return void (trouble.value = w.long);
    iStop(roomId);
    if (!editing) field.clear();
    compose(composer, {});
    send({ roomId, type: "m.room.message", content, ...(thread && !editing ? { threadId: thread } : {}) }).catch(() => {
      trouble.value = w.unsent;
      field.putBack(written);
    });
  }

  function sendFiles(ids?: number[]) {
    if (!ids && !hasFiles.peek()) return;
    sendStaged(composer, { roomId, relation: relation(answered(roomId, composer)), ...(thread ? { threadId: thread } : {}) }, ids);
    if (field.isEmpty.peek() || ids) compose(composer, {});
  }

  async function record() {
    trouble.value = "";
    try {
      recorder.value = await Recorder.start();
    } catch (error) {
      trouble.value = troubleText(error);
    }
  }

  function sendVoice(file: File, voice: Voice) {
    recorder.value = null;
    sendFiles(stage(composer, [file], voice).ids);
  }

  function key(event: KeyboardEvent) {
    if (event.isComposing || event.keyCode === 229) return; // the input method's own key
    if (completion.key(event)) return event.preventDefault();
    const { editing, replyTo } = composing.peek().get(composer) ?? {};
    if (event.key === "Enter" && !event.shiftKey && !touch.matches) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && (isPicking.peek() || editing || replyTo)) {
      event.stopPropagation();
      if (isPicking.peek()) isPicking.value = false;
      else compose(composer, {});
    } else if (event.key === "ArrowUp" && !field.text && !editing) {
      const last = lastEditable(matrix().getRoom(roomId)!, thread);
      if (!last) return;
      event.preventDefault();
      compose(composer, { editing: last.getId()! });
    }
  }

  return (
    <form ref={form} class="composer" onSubmit={(event) => (event.preventDefault(), submit())}>
      {!thread && <TypingLine roomId={roomId} />}
      {trouble.value && <p class="error" role="alert">{trouble.value}</p>}
      <ComposerAbout roomId={roomId} composer={composer} />
      <ComposerUploads composer={composer} />
      <CompletionList completion={completion} />
      {isPicking.value && (
        <EmojiPicker onPick={(sign) => field.insert(sign)} onClose={() => ((isPicking.value = false), field.focus())} />
      )}
      {recorder.value && <VoiceBar recorder={recorder.value} onSend={sendVoice} onDrop={() => (recorder.value = null)} />}
      <div class="row" hidden={recorder.value !== null}>
        <Attach onFiles={attach} />
        <textarea
          ref={field.attach}
          rows={1}
          aria-label={w.label}
          aria-autocomplete="list"
          placeholder={w.hint}
          dir="auto"
          enterkeyhint={touch.matches ? "enter" : "send"}
          onKeyDown={key}
          onInput={() => (field.isEmpty.peek() ? iStop(roomId) : iType(roomId))}
          onPaste={(event) => {
            const files = pastedFiles(event.clipboardData);
            if (!files.length) return;
            event.preventDefault();
            attach(files);
          }}
        />
        <button type="button" class="plain square" aria-label={w.emoji} title={w.emoji} aria-expanded={isPicking.value}
          onClick={() => (isPicking.value = !isPicking.value)}
        >
          <Icon name="emoji" />
        </button>
        {field.isEmpty.value && !hasFiles.value
          ? <button type="button" class="plain square" aria-label={w.voice} title={w.voice} onClick={record}><Icon name="microphone" /></button>
          : (
            <button class="primary round" aria-label={w.send} title={w.send} onPointerDown={(event) => event.preventDefault() /* a phone's keyboard stays */}>
              <Icon name="send" />
            </button>
          )}
      </div>
    </form>
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

function answered(roomId: string, composer: string): Answered | undefined {
  const eventId = composing.peek().get(composer)?.replyTo;
  return eventId ? { eventId, sender: findEvent(roomId, eventId)?.getSender() ?? "" } : undefined;
}

function original(roomId: string, eventId: string) {
  const event = findEvent(roomId, eventId);
  return event ? writtenIn(event) : null;
}

function mentionedIn(roomId: string, eventId: string): string[] {
  const ids: unknown = findEvent(roomId, eventId)?.getContent()["m.mentions"]?.user_ids;
  return Array.isArray(ids) ? ids.map(String) : [];
}
