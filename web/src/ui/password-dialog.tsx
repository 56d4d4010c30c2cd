/**
 * "It is you?": the password once more, before something that the server does for its owner alone.
 *
 * `act` gets what the server wants to see. A wrong password is said in the dialog, and what was typed stays.
 */

import type { AuthDict } from "matrix-js-sdk";

import { matrix } from "../matrix/client";
import { words } from "../words";
import { Dialog } from "./dialog";
import { doorWords } from "./door-words";
import { PasswordField } from "./password-field";
import { useAct } from "./use-act";

const w = words({ password: ["비밀번호", "Password"], no: ["취소", "Cancel"], wrong: ["비밀번호가 맞지 않습니다.", "The password is not right."] });

interface Shown {
  title: string;
  text?: string;
  yes: string; // what is done
  danger?: boolean; // it takes something away
  inWords?(error: unknown): string; // why else it was refused
  act(auth: AuthDict): Promise<unknown>;
  onClose(): void;
}

export function PasswordDialog({ title, text, yes, danger = true, inWords = doorWords, act, onClose }: Shown) {
  const { busy, wrong, run } = useAct((error) => (isRefused(error) ? w.wrong : inWords(error)));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    const password = String(new FormData(event.currentTarget as HTMLFormElement).get("confirm-password"));
    void run(async () => {
      await act(passwordAuth(password));
      onClose();
    });
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {text && <p>{text}</p>}
      <form onSubmit={submit}>
        <PasswordField id="confirm-password" label={w.password} />
        {wrong && <p class="error" role="alert">{wrong}</p>}
        <div class="answers">
          <button type="button" onClick={onClose}>{w.no}</button>
          <button class={danger ? "danger" : "primary"} aria-disabled={busy}>{yes}</button>
        </div>
      </form>
    </Dialog>
  );
}

export function passwordAuth(password: string): AuthDict {
  return { type: "m.login.password", identifier: { type: "m.id.user", user: matrix().getSafeUserId() }, password };
}

/** A password that is not the one. */
export function isRefused(error: unknown): boolean {
  const { httpStatus, errcode } = (error ?? {}) as { httpStatus?: number; errcode?: string };
  return httpStatus === 401 || (httpStatus === 403 && errcode === "M_FORBIDDEN");
}
