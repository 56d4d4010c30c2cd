/**
 * The text of one composer. It lives in the textarea alone: no state is ever written back into it while somebody
 * types, so that an input method that is composing a syllable is never disturbed. Every key goes into the draft.
 */

import { signal } from "@preact/signals";

import { draftOf, dropDraft, keepDraft } from "../../matrix/drafts";
import type { Mention } from "../../matrix/mentions";
import type { Written } from "../../matrix/uploads";
import { touch } from "../../ui/touch";
import { type Query, queryAt } from "./completion";
import type { Composing } from "./composing";

export class Field {
  /** Nothing but blanks is in it. */
  readonly isEmpty = signal(true);
  /** What is being named at the caret. */
  readonly query = signal<Query | null>(null);

  private box: HTMLTextAreaElement | null = null;
  private mentions: Mention[];
  private about: Composing;
  private before: Written | null;
  private readonly leaving: string[] = []; // on its way into the outbox
  private isComposing = false;

  constructor(private readonly composer: string) {
    const kept = draftOf(composer);
    this.mentions = kept?.mentions ?? [];
    this.before = kept?.before ?? null;
    this.about = { ...(kept?.replyTo && { replyTo: kept.replyTo }), ...(kept?.editing && { editing: kept.editing }) };
  }

  /** What the draft was about when the page was left. */
  get kept(): Composing {
    return this.about;
  }

  readonly attach = (box: HTMLTextAreaElement | null): void => {
    if (!box || box === this.box) return;
    this.box = box;
    box.value = draftOf(this.composer)?.text ?? "";
    box.addEventListener("input", () => this.noted());
    box.addEventListener("compositionstart", () => (this.isComposing = true));
    box.addEventListener("compositionend", () => (this.isComposing = false));
    for (const event of ["keyup", "click", "blur"]) box.addEventListener(event, () => this.look());
    this.noted();
  };

  get text(): string {
    return this.box?.value ?? "";
  }

  get written(): Written {
    return { text: this.text, mentions: this.mentions };
  }

  focus(): void {
    this.box?.focus();
  }

  /** The element, by its id, that the keys are about while the text has the focus. */
  point(id: string | null): void {
    if (id) this.box?.setAttribute("aria-activedescendant", id);
    else this.box?.removeAttribute("aria-activedescendant");
  }

  /** As if typed at the caret, so that undo knows it. */
  insert(text: string, mention?: Mention): void {
    const caret = this.box?.selectionStart ?? 0;
    this.replace(caret, this.box?.selectionEnd ?? caret, text, mention);
  }

  replace(from: number, to: number, text: string, mention?: Mention): void {
    const box = this.box;
    if (!box) return;
    this.settle();
    if (!touch.matches) box.focus();
    box.setSelectionRange(from, to);
    if (document.activeElement !== box || !document.execCommand("insertText", false, text)) box.setRangeText(text, from, to, "end");
    if (mention && !this.mentions.some(({ userId }) => userId === mention.userId)) this.mentions.push(mention);
    this.noted();
  }

  /** Empty it for what was written to be sent. The draft keeps it until the outbox has it: the page may be closed at once. */
  clear(given: Promise<unknown>): void {
    const { text } = this;
    this.leaving.push(text);
    const done = () => {
      this.leaving.splice(this.leaving.indexOf(text), 1);
      if (this.box?.isConnected) this.keep();
      else if (draftOf(this.composer)?.text === text) dropDraft(this.composer); // the room was left meanwhile
    };
    given.then(done, done);
    this.write({ text: "", mentions: [] });
  }

  /** What could not be sent comes back, before whatever has been typed since. */
  putBack({ text, mentions }: Written): void {
    const since = this.text;
    this.write({ text: since ? `${text}\n${since}` : text, mentions: [...mentions, ...this.mentions] });
  }

  /** Follow what the composer is about: an edit brings its message in, and afterwards what stood here before. */
  follow(about: Composing, original: (eventId: string) => Written | null): void {
    const [was, is] = [this.about.editing, about.editing];
    this.about = about;
    if (is && is !== was) {
      this.before ??= { ...this.written };
      this.write(original(is) ?? { text: "", mentions: [] });
    } else if (was && !is && this.before) {
      const { before } = this;
      this.before = null;
      this.write(before);
    } else {
      this.keep();
    }
  }

  private write({ text, mentions }: Written): void {
    if (!this.box) return;
    this.settle();
    this.box.value = text;
    this.mentions = [...mentions];
    this.noted();
  }

  /** A syllable that is being composed is finished first: else the input method would write it once more. */
  private settle(): void {
    if (!this.isComposing || !this.box) return;
    this.box.blur();
    this.box.focus();
  }

  private noted(): void {
    this.isEmpty.value = !this.text.trim();
    this.look();
    this.keep();
    if (this.box && !CSS.supports("field-sizing", "content")) fitHeight(this.box);
  }

  private look(): void {
    const box = this.box;
    const isCaret = box && document.activeElement === box && box.selectionStart === box.selectionEnd;
    const next = isCaret ? queryAt(box.value, box.selectionStart) : null;
    if (JSON.stringify(next) !== JSON.stringify(this.query.peek())) this.query.value = next;
  }

  private keep(): void {
    const mentions = this.mentions.filter(({ name }) => this.text.includes(`@${name}`) || this.isComposing);
    const before = this.before && { text: this.before.text, mentions: [...this.before.mentions] };
    const text = [...this.leaving, this.text].filter(Boolean).join("\n");
    keepDraft(this.composer, { text, mentions, ...this.about, ...(before ? { before } : {}) });
  }
}

function fitHeight(box: HTMLTextAreaElement): void {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}
