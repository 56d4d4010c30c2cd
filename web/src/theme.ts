/** Light or dark: as the system is, unless the person chose. The choice is kept, and the browser's own frame follows. */

import { effect, signal } from "@preact/signals";

import { keepText } from "./kept";

export type Theme = "system" | "light" | "dark";

const KEPT = "bongsu.theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((each) => each === localStorage.getItem(KEPT)) ?? "system");

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

effect(() => {
  const root = document.documentElement;
  if (theme.value === "system") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  colourFrame();
});
systemIsDark.addEventListener("change", colourFrame);

export function wear(next: Theme): void {
  if (next === "system") localStorage.removeItem(KEPT);
  else keepText(KEPT, next);
  theme.value = next;
}

/** The bar of a phone's browser, or the title bar of the installed app. */
function colourFrame(): void {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="theme-color"]');
  if (meta) meta.content = getComputedStyle(document.documentElement).getPropertyValue("--frame").trim();
}
