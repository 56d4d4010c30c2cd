/** One text of a room: shown, changed and saved by itself. What is typed stays when saving fails. */

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";

import { inPlainWords } from "../../ui/errors";
import { tell } from "../../ui/question";
import { words } from "../../words";

const w = words({
  save: ["저장", "Save"],
  saved: ["저장했습니다.", "Saved."],
});

interface Shown {
  label: string;
  hint?: string;
  value: string; // as the room has it
  max: number; // characters
  readOnly: boolean;
  needed?: boolean; // may not be empty
  lines?: boolean;
  fault?(text: string): string; // why it cannot be saved, or empty
  save(text: string): Promise<void>;
}

export function TextSetting({ label, hint, value, max, readOnly, needed, lines, fault, save }: Shown) {
  const typed = useSignal<string | null>(null); // null: as the room has it
  const busy = useSignal(false);
  const wrong = useSignal("");
  const id = useId();
  const text = typed.value ?? value;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    wrong.value = fault?.(text.trim()) ?? "";
    if (wrong.value) return;
    busy.value = true;
    try {
      await save(text.trim());
      typed.value = null;
      tell(w.saved);
    } catch (error) {
      wrong.value = inPlainWords(error);
    } finally {
      busy.value = false;
    }
  };
  const field = {
    id,
    value: text,
    maxLength: max,
    readOnly,
    dir: "auto" as const,
    onInput: (event: { currentTarget: { value: string } }) => (typed.value = event.currentTarget.value),
  };
  const isChanged = text.trim() !== value.trim() && (!needed || text.trim() !== "");
  return (
    <form class="text-setting" onSubmit={(event) => void submit(event)}>
      <label for={id}>{label} {hint && <span class="quiet">{hint}</span>}</label>
      {lines ? <textarea rows={3} {...field} /> : <input {...field} />}
      {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
      {!readOnly && isChanged && <button class="primary" disabled={busy.value}>{w.save}</button>}
    </form>
  );
}
