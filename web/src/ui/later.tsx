/**
 * A part of the page whose code is fetched when it is first shown.
 *
 *     const Reset = later(() => import("./reset").then((part) => part.Reset));
 */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

import { words } from "../words";

const w = words({
  loading: ["불러오는 중…", "Loading…"],
  failed: ["이 화면을 불러오지 못했습니다.", "This part could not be loaded."],
  again: ["다시 시도", "Try again"],
});

export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const part = signal<ComponentType<Props> | null>(null);
  const failed = signal(false);
  let asked = false;
  const ask = () => {
    asked = true;
    failed.value = false;
    load().then(
      (loaded) => (part.value = loaded),
      () => (failed.value = true),
    );
  };
  return function Later(props: Props) {
    if (!asked) ask();
    const Part = part.value;
    if (Part) return <Part {...props} />;
    if (!failed.value) return <p class="quiet" role="status">{w.loading}</p>;
    return (
      <p role="alert">
        {w.failed} <button onClick={ask}>{w.again}</button>
      </p>
    );
  };
}
