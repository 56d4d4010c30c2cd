/** How much is unread, where it is seen without the page: on its icon, and on the icon of the installed app. */

import { effect } from "@preact/signals";

import { attention } from "../matrix/rooms";

const SIDE_PIXELS = 64;

effect(() => {
  const { unread } = attention.value;
  void showIcon(unread > 0);
  const told = unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.();
  told?.catch(() => undefined); // only an installed app has one
});

let shown: boolean | null = null;

async function showIcon(isNew: boolean): Promise<void> {
  if (shown === isNew) return;
  shown = isNew;
  const link = document.querySelector<HTMLLinkElement>("link[rel='icon']");
  if (!link) return;
  const plain = (link.dataset.plain ??= link.href);
  if (!isNew) {
    link.href = plain;
    return;
  }
  const drawn = await withDot(plain);
  if (drawn && shown) link.href = drawn;
}

/** Null where the browser draws no such picture. */
async function withDot(address: string): Promise<string | null> {
  const picture = new Image(SIDE_PIXELS, SIDE_PIXELS);
  picture.src = address;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE_PIXELS;
  const pen = canvas.getContext("2d");
  try {
    await picture.decode();
    pen!.drawImage(picture, 0, 0, SIDE_PIXELS, SIDE_PIXELS);
    pen!.fillStyle = "#e5261f";
    pen!.beginPath();
    pen!.arc(SIDE_PIXELS * 0.75, SIDE_PIXELS * 0.25, SIDE_PIXELS * 0.25, 0, 2 * Math.PI);
    pen!.fill();
    return canvas.toDataURL("image/png");
  } catch {
    return null;
  }
}
