/**
 * "It is you?": the password once more, before something that the server does for its owner alone.
 *
 * `act` gets what the server wants to see. A wrong password is said in the dialog, and what was typed stays.
 */

import { useSignal } from "@preact/signals";
import type { AuthDict } from "matrix-js-sdk";

import { matrix } from "../matrix/client";
import { words } from "../words";
import { Dialog } from "./dialog";
import { doorWords } from "./door-words";
import { PasswordField } from "./password-field";

const w = words({ password: ["비밀번호", "Password"], no: ["취소", "Cancel"], wrong: ["비밀번호가 맞지 않습니다.", "The password is not right."] });

interface Shown {
  title: string;
  text?: string;
  yes: string; // what is done
  act(auth: AuthDict): Promise<unknown>;
  onClose(): void;
}

export function PasswordDialog({ title, text, yes, act, onClose }: Shown) {
  const busy = useSignal(false);
  const wrong = useSignal("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget as HTMLFormElement).get("confirm-password"));
    busy.value = true;
    wrong.value = "";
    try {
      await act(passwordAuth(password));
      onClose();
    } catch (error) {
      wrong.value = isRefused(error) ? w.wrong : doorWords(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {text && <p>{text}</p>}
      <form onSubmit={(event) => void submit(event)}>
        <PasswordField id="confirm-password" label={w.password} />
        {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
        <div class="answers">
          <button type="button" onClick={onClose}>{w.no}</button>
          <button class="danger" disabled={busy.value}>{yes}</button>
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
  const { httpStatus } = (error ?? {}) as { httpStatus?: number };
  return httpStatus === 401 || httpStatus === 403;
}
