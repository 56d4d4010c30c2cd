/** Something that a person asks for once and waits for: whether it is under way, and in words why it failed. */

import { useSignal } from "@preact/signals";

import { inPlainWords } from "./errors";

export interface Acting {
  busy: boolean;
  wrong: string; // empty unless the last try failed
  run(what: () => Promise<unknown>): Promise<void>;
}

export function useAct(inWords: (error: unknown) => string = inPlainWords): Acting {
  const busy = useSignal(false);
  const wrong = useSignal("");
  const run = async (what: () => Promise<unknown>) => {
    busy.value = true;
    wrong.value = "";
    try {
      await what();
    } catch (error) {
      wrong.value = inWords(error);
    } finally {
      busy.value = false;
    }
  };
  return { busy: busy.value, wrong: wrong.value, run };
}
