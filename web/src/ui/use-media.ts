/** A view's hold on media: the object URL lives as long as the view, and the view follows its state. */

import { useLayoutEffect, useMemo } from "preact/hooks";

import { keyOf, type Media, type MediaSource, open } from "../matrix/media";

export type Shown = Media & { retry(): void };

/** Null as long as there is nothing to show, such as a video nobody has started. */
export function useMedia(source: MediaSource | null): Shown | null {
  const key = source && keyOf(source);
  const opened = useMemo(() => source && open(source), [key]);
  useLayoutEffect(() => opened?.hold(), [opened]);
  return opened && { ...opened.media.value, retry: opened.retry };
}
