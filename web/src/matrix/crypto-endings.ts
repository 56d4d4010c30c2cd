/** How a verification can end, and which end the protocol's words mean. */

const ENDINGS = [
  "done",
  "mismatch", // the two are not who they should be: somebody may sit in between
  "declined", // somebody said no, or closed it
  "elsewhere", // another device of the same person has answered
  "late",
  "unsupported", // the two share no way to compare
  "failed",
] as const;

export type Ending = (typeof ENDINGS)[number];

const MEANT: Readonly<Record<string, Ending>> = {
  "m.user": "declined",
  "m.accepted": "elsewhere",
  "m.timeout": "late",
  "m.unknown_method": "unsupported",
  "m.mismatched_sas": "mismatch",
  "m.mismatched_commitment": "mismatch",
  "m.key_mismatch": "mismatch",
  "m.user_mismatch": "mismatch",
};

/** Of a verification that was cancelled with this code; other apps may write any. */
export function endingOf(code: string | null): Ending {
  return code !== null && Object.hasOwn(MEANT, code) ? MEANT[code]! : "failed";
}

export function isEnding(step: string): step is Ending {
  return (ENDINGS as readonly string[]).includes(step);
}
