/**
 * What a composer does, apart from how it looks: sends, attaches, records, and follows what is answered or edited.
 * Text leaves the field when the outbox is given it, and comes back if the outbox refuses.
 */

import { computed, effect, signal } from "@preact/signals";

import { matrix } from "../../matrix/client";
import { send } from "../../matrix/outbox";
import { findEvent } from "../../matrix/timeline";
import { iStop, iType } from "../../matrix/typing";
import { sendStaged, stage, uploads, type Voice, type Written } from "../../matrix/uploads";
import { touch } from "../../ui/touch";
import { words } from "../../words";
import { announce, Completion } from "./composer-completion";
import { type Answered, captionIn, editContent, isTooLong, messageContent, relation } from "./composer-content";
import { Field } from "./composer-field";
import { lastEditable, writtenIn } from "./composer-original";
import { troubleText } from "./composer-voice";
import { compose, composerKey, composing } from "./composing";
import { Recorder } from "./voice-recorder";

const w = words({
  left: [(n: number) => `한 번에 너무 많습니다. ${n}개는 붙이지 못했습니다.`, (n: number) => `Too many at once: ${n} were left out.`],
  long: ["글이 너무 깁니다. 나누어서 보내 주세요.", "It is too long. Please send it in parts."],
  unsent: ["보내지 못했습니다. 쓴 글은 그대로 있습니다.", "It was not sent. What you wrote is still here."],
});

export class Writer {
  readonly composer: string;
  readonly field: Field;
  readonly completion: Completion;
  readonly trouble = signal("");
  readonly isPicking = signal(false);
  readonly recorder = signal<Recorder | null>(null);
  private readonly about = computed(() => composing.value.get(this.composer));
  private readonly staged = computed(() => uploads.value.filter(({ composer, state }) => composer === this.composer && state === "staged").length);
  readonly hasFiles = computed(() => this.staged.value > 0);
  /** What is written goes with the one file that is staged, in one message. */
  readonly isCaption = computed(() => this.staged.value === 1 && !this.about.value?.editing);
  private isOver = false;

  constructor(
    private readonly roomId: string,
    private readonly thread: string | undefined,
    list: string, // id of the list of suggestions
  ) {
    this.composer = composerKey(roomId, thread);
    this.field = new Field(this.composer);
    this.completion = new Completion(list, roomId, this.field);
  }

  /** As long as the composer is on the page. Returns the end. */
  start(): () => void {
    const { kept } = this.field;
    if (kept.editing || kept.replyTo) compose(this.composer, kept);
    const stops = [effect(() => this.follow()), announce(this.completion, this.field), () => this.completion.close()];
    if (!touch.matches && document.activeElement === document.body) this.field.focus();
    return () => {
      this.isOver = true;
      for (const stop of stops) stop();
      iStop(this.roomId);
      void this.recorder.peek()?.stop();
    };
  }

  readonly attach = (files: readonly File[]): void => {
    const { left } = stage(this.composer, files);
    this.trouble.value = left ? w.left(left) : "";
    this.field.focus();
  };

  typed(): void {
    if (this.field.isEmpty.peek()) iStop(this.roomId);
    else iType(this.roomId);
  }

  submit(): void {
    this.trouble.value = "";
    const { field, roomId, thread } = this;
    const { written } = field;
    const editing = this.about.peek()?.editing;
    const content = editing ? editContent(written, editing, mentionedIn(roomId, editing)) : messageContent(written, this.answered());
    if (content && isTooLong(content)) return void (this.trouble.value = w.long);
    const caption = content && this.isCaption.peek() ? captionIn(content) : null;
    if (caption) {
      iStop(roomId);
      field.clear(this.sendFiles(caption, written));
      return compose(this.composer, {});
    }
    if (this.hasFiles.peek()) void this.sendFiles();
    if (!content) return;
    iStop(roomId);
    const given = send({ roomId, type: "m.room.message", content, ...(thread && !editing ? { threadId: thread } : {}) });
    if (!editing) field.clear(given);
    compose(this.composer, {});
    given.catch(() => {
      this.trouble.value = w.unsent;
      field.putBack(written);
    });
  }

  async record(): Promise<void> {
    this.trouble.value = "";
    try {
      const recorder = await Recorder.start();
      if (this.isOver) await recorder.stop(); // gone elsewhere while the browser asked
      else this.recorder.value = recorder;
    } catch (error) {
      this.trouble.value = troubleText(error);
    }
  }

  sendVoice(file: File, voice: Voice): void {
    this.recorder.value = null;
    void this.sendFiles(undefined, undefined, stage(this.composer, [file], voice).ids);
  }

  key(event: KeyboardEvent): void {
    if (event.isComposing || event.keyCode === 229) return; // the input method's own key
    if (this.completion.key(event)) return event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey && !touch.matches) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.escape()) {
      event.stopPropagation();
    } else if (event.key === "ArrowUp" && !this.field.text && this.editLast()) {
      event.preventDefault();
    }
  }

  private escape(): boolean {
    const { editing, replyTo } = this.about.peek() ?? {};
    if (this.isPicking.peek()) this.isPicking.value = false;
    else if (editing || replyTo) compose(this.composer, {});
    else return false;
    return true;
  }

  private editLast(): boolean {
    const room = matrix().getRoom(this.roomId);
    const last = room && !this.about.peek()?.editing && lastEditable(room, this.thread);
    if (last) compose(this.composer, { editing: last.getId()! });
    return Boolean(last);
  }

  private follow(): void {
    const about = this.about.value ?? {};
    this.field.follow(about, (eventId) => original(this.roomId, eventId));
    if (about.editing || about.replyTo) this.field.focus();
  }

  private sendFiles(caption?: Record<string, unknown>, written?: Written, ids?: readonly string[]): Promise<void> {
    const { roomId, thread } = this;
    const target = { roomId, ...(thread ? { threadId: thread } : {}), said: caption ?? relation(this.answered()), written };
    const given = sendStaged(this.composer, target, ids);
    if (this.field.isEmpty.peek() || ids) compose(this.composer, {});
    return given;
  }

  private answered(): Answered | undefined {
    const eventId = this.about.peek()?.replyTo;
    return eventId ? { eventId, sender: findEvent(this.roomId, eventId)?.getSender() ?? "" } : undefined;
  }
}

function original(roomId: string, eventId: string) {
  const event = findEvent(roomId, eventId);
  return event ? writtenIn(event) : null;
}

function mentionedIn(roomId: string, eventId: string): string[] {
  const ids: unknown = findEvent(roomId, eventId)?.getContent()["m.mentions"]?.user_ids;
  return Array.isArray(ids) ? ids.map(String) : [];
}
