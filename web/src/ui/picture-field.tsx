/** Choose a picture for a room or a person: what is chosen is shown at once. */

import type { Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";

import { withoutMetadata } from "../matrix/photo-metadata";
import { Icon } from "./icon";
import { words } from "../words";
import "./picture-field.css";

const PICTURE_BYTES_MAX = 10 * 1024 * 1024;
const ACCEPTED = "image/png,image/jpeg,image/gif,image/webp";

const w = words({
  choose: ["사진 고르기", "Choose a picture"],
  noPicture: ["사진 파일이 아닙니다.", "This file is not a picture."],
  large: ["10 MB보다 작은 사진을 골라 주세요.", "Please choose a picture below 10 MB."],
});

interface Shown {
  chosen: Signal<File | null>;
  children: ComponentChildren; // what is shown until one is chosen
}

export function PictureField({ chosen, children }: Shown) {
  const [wrong, setWrong] = useState("");
  const url = useObjectUrl(chosen.value);
  const choose = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    input.value = ""; // the same file may be chosen again
    if (!file) return;
    const fault = file.size > PICTURE_BYTES_MAX ? w.large : (await isPicture(file)) ? "" : w.noPicture;
    setWrong(fault);
    if (!fault) chosen.value = await withoutMetadata(file); // where it was taken is nobody's business
  };
  return (
    <div class="picture-field">
      <label>
        {url ? <img src={url} alt="" /> : children}
        <span class="pen"><Icon name="image" /></span>
        <input type="file" class="hidden-from-sight" accept={ACCEPTED} aria-label={w.choose} onChange={(event) => void choose(event.currentTarget)} />
      </label>
      {wrong && <p class="error" role="alert">{wrong}</p>}
    </div>
  );
}

/** What the browser can draw, whatever its name says. */
async function isPicture(file: File): Promise<boolean> {
  if (!ACCEPTED.split(",").includes(file.type)) return false;
  try {
    (await createImageBitmap(file)).close();
    return true;
  } catch {
    return false;
  }
}

function useObjectUrl(file: File | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!file) return setUrl(null);
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
