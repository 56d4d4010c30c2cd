/** The person's own name and picture, as others see them. */

import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { matrix, onClient } from "../../matrix/client";
import { Avatar } from "../../ui/avatar";
import { inPlainWords } from "../../ui/errors";
import { Icon } from "../../ui/icon";
import { tell } from "../../ui/question";
import { words } from "../../words";

const NAME_LENGTH_MAX = 256; // as the server has it
const PICTURE_SIDE = 512; // px; larger ones are cut and made smaller here
const PICTURE_TYPE = "image/webp";

const w = words({
  title: ["프로필", "Profile"],
  name: ["이름", "Name"],
  save: ["저장", "Save"],
  saved: ["저장했습니다.", "Saved."],
  choose: ["사진 바꾸기", "Change picture"],
  remove: ["사진 지우기", "Remove picture"],
  noPicture: ["이 파일은 사진으로 읽을 수 없습니다.", "This file cannot be read as a picture."],
});

interface Own {
  name: string;
  mxc: string; // of the picture, or empty
}

const own = signal<Own | null>(null);
onClient(() => {
  own.value = null;
});

export function Profile() {
  const me = matrix().getSafeUserId();
  const typed = useSignal<string | null>(null); // null: as it is
  const busy = useSignal(false);
  useEffect(() => {
    void load().catch((error: unknown) => tell(inPlainWords(error)));
  }, []);
  const doing = async (act: () => Promise<unknown>) => {
    busy.value = true;
    try {
      await act();
      await load();
      tell(w.saved);
    } catch (error) {
      tell(error instanceof NoPicture ? w.noPicture : inPlainWords(error));
    } finally {
      busy.value = false;
    }
  };
  const rename = (event: SubmitEvent) => {
    event.preventDefault();
    const name = (typed.value ?? "").trim();
    void doing(() => matrix().setDisplayName(name)).then(() => (typed.value = null));
  };
  const picked = async (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    input.value = "";
    if (file) await doing(() => wearPicture(file));
  };
  const { name, mxc } = own.value ?? { name: "", mxc: "" };
  return (
    <section class="card" id="profile" aria-labelledby="profile-title">
      <h2 id="profile-title" tabIndex={-1}>{w.title}</h2>
      <div class="profile">
        <Avatar name={name || me} id={me} mxc={mxc} large />
        <div class="answers">
          <label class="button">
            <Icon name="image" /> {w.choose}
            <input type="file" accept="image/*" class="hidden-from-sight" disabled={busy.value} onChange={(event) => void picked(event)} />
          </label>
          {mxc && <button class="plain" disabled={busy.value} onClick={() => void doing(() => matrix().setAvatarUrl(""))}>{w.remove}</button>}
        </div>
      </div>
      <form onSubmit={rename}>
        <label for="own-name">{w.name}</label>
        <input
          id="own-name" autocomplete="name" maxLength={NAME_LENGTH_MAX} dir="auto" value={typed.value ?? name}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
        <span class="id" dir="ltr">{me}</span>
        <p class="answers">
          <button class="primary" disabled={busy.value || typed.value === null || typed.value.trim() === name}>{w.save}</button>
        </p>
      </form>
    </section>
  );
}

class NoPicture extends Error {}

async function load(): Promise<void> {
  const info = await matrix().getProfileInfo(matrix().getSafeUserId());
  own.value = { name: info.displayname ?? "", mxc: info.avatar_url ?? "" };
}

async function wearPicture(file: File): Promise<void> {
  const { content_uri } = await matrix().uploadContent(await squareOf(file), { type: PICTURE_TYPE, includeFilename: false });
  await matrix().setAvatarUrl(content_uri);
}

/** The middle of the picture as a square; what a camera wrote beside it (places, times) is left behind. */
async function squareOf(file: File): Promise<Blob> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw new NoPicture();
  const cut = Math.min(bitmap.width, bitmap.height);
  const side = Math.min(cut, PICTURE_SIDE);
  const canvas = document.createElement("canvas");
  canvas.width = side;
  canvas.height = side;
  const [x, y] = [(bitmap.width - cut) / 2, (bitmap.height - cut) / 2];
  canvas.getContext("2d")?.drawImage(bitmap, x, y, cut, cut, 0, 0, side, side);
  bitmap.close();
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, PICTURE_TYPE, 0.9));
  if (!blob) throw new NoPicture();
  return blob;
}
