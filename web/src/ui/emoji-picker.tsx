/**
 * All emoji to choose from, searched in Korean or English. Arrows walk, Enter takes, Escape closes. Sets itself into
 * whatever box it is put in; `onClose` is told when the person wants it gone.
 */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { best } from "../views/room/completion";
import { language, words } from "../words";
import { type Emoji, type EmojiGroup, emojiGroups, recentEmoji, usedEmoji } from "./emoji";
import "./emoji-picker.css";

const FOUND_MAX = 120;

const w = words({
  title: ["이모지", "Emoji"],
  search: ["이모지 찾기", "Search emoji"],
  recent: ["최근 사용", "Recent"],
  loading: ["불러오는 중…", "Loading…"],
  failed: ["이모지를 불러오지 못했습니다.", "The emoji could not be loaded."],
  again: ["다시 시도", "Try again"],
  none: ["찾는 이모지가 없습니다.", "No such emoji."],
  found: ["찾은 이모지", "Found"],
});

export function EmojiPicker({ onPick, onClose }: { onPick(sign: string): void; onClose(): void }) {
  const groups = useSignal<readonly EmojiGroup[] | "failed" | null>(null);
  const asked = useSignal("");
  const box = useRef<HTMLDivElement>(null);
  const load = () => {
    groups.value = null;
    emojiGroups(language.peek()).then((all) => (groups.value = all), () => (groups.value = "failed"));
  };
  useEffect(load, []);
  useEffect(() => box.current?.querySelector("input")?.focus({ preventScroll: true }), []);

  const pick = (sign: string) => {
    usedEmoji(sign);
    onPick(sign);
  };
  return (
    <div
      ref={box}
      class="emoji-picker"
      role="dialog"
      aria-label={w.title}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          onClose();
        } else walk(event);
      }}
    >
      <input
        type="search"
        aria-label={w.search}
        placeholder={w.search}
        onInput={(event) => (asked.value = event.currentTarget.value.trim())}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing) return;
          event.preventDefault();
          box.current?.querySelector<HTMLButtonElement>(".grid button")?.click();
        }}
      />
      <div class="groups">{shown(groups.value, asked.value, pick, load)}</div>
    </div>
  );
}

function shown(groups: readonly EmojiGroup[] | "failed" | null, asked: string, pick: (sign: string) => void, load: () => void) {
  if (groups === null) return <p class="quiet" role="status">{w.loading}</p>;
  if (groups === "failed") return <p role="alert">{w.failed} <button type="button" onClick={load}>{w.again}</button></p>;
  const all = groups.flatMap(({ emoji }) => emoji);
  if (asked) {
    const found = best(all, ({ names }) => names, asked, FOUND_MAX);
    return found.length ? <Group label={w.found} emoji={found} pick={pick} /> : <p class="quiet" role="status">{w.none}</p>;
  }
  const recent = recentEmoji().flatMap((sign) => all.find((each) => each.sign === sign) ?? []);
  return [
    recent.length > 0 && <Group key="recent" label={w.recent} emoji={recent} pick={pick} />,
    groups.map(({ label, emoji }) => <Group key={label} label={label} emoji={emoji} pick={pick} />),
  ];
}

function Group({ label, emoji, pick }: { label: string; emoji: readonly Emoji[]; pick(sign: string): void }) {
  return (
    <section aria-label={label}>
      <h3>{label}</h3>
      <div class="grid">
        {emoji.map(({ sign, label: name }) => (
          <button type="button" class="plain" key={sign} title={name} aria-label={name} onClick={() => pick(sign)}>{sign}</button>
        ))}
      </div>
    </section>
  );
}

/** With the arrows from emoji to emoji, over the borders of groups; up and down by where they lie. */
function walk(event: KeyboardEvent): void {
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key) || event.isComposing) return;
  const box = event.currentTarget as HTMLElement;
  const here = document.activeElement;
  const all = [...box.querySelectorAll<HTMLButtonElement>(".grid button")];
  const at = all.indexOf(here as HTMLButtonElement);
  if (at < 0 && event.key !== "ArrowDown") return;
  event.preventDefault();
  const next = at < 0 ? all[0] : neighbour(all, at, event.key);
  if (next) next.focus();
  else if (event.key === "ArrowUp") box.querySelector("input")?.focus();
}

function neighbour(all: HTMLButtonElement[], at: number, key: string): HTMLButtonElement | undefined {
  if (key === "ArrowLeft") return all[at - 1];
  if (key === "ArrowRight") return all[at + 1];
  const here = all[at]!.getBoundingClientRect();
  const rest = key === "ArrowDown" ? all.slice(at + 1) : all.slice(0, at).reverse();
  const line = rest.find((each) => each.getBoundingClientRect().top !== here.top)?.getBoundingClientRect().top;
  const inLine = rest.filter((each) => each.getBoundingClientRect().top === line);
  const distance = (each: HTMLElement) => Math.abs(each.getBoundingClientRect().left - here.left);
  return inLine.sort((a, b) => distance(a) - distance(b))[0];
}
