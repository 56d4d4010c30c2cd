/** A password with its label, and an eye to look at what was typed. */

import { useSignal } from "@preact/signals";

import { words } from "../words";
import "./password-field.css";

const w = words({ show: ["비밀번호 보기", "Show the password"] });

interface Shown {
  id: string; // also the field's name
  label: string;
  isNew?: boolean;
  hint?: string; // id of what is said of it
}

export function PasswordField({ id, label, isNew, hint }: Shown) {
  const seen = useSignal(false);
  const field = {
    id,
    name: id,
    autocomplete: isNew ? "new-password" : "current-password",
    autocapitalize: "none",
    spellcheck: false,
    required: true,
    "aria-describedby": hint,
  } as const;
  return (
    <>
      <label for={id}>{label}</label>
      <span class="password">
        {seen.value ? <input key="field" type="text" {...field} /> : <input key="field" type="password" {...field} />}
        <button
          type="button" class="plain" aria-label={w.show} aria-pressed={seen.value} onClick={() => (seen.value = !seen.value)}
        >
          <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4z" />
            {!seen.value && <path d="M4 4l16 16" />}
          </svg>
        </button>
      </span>
    </>
  );
}
