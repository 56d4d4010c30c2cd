/**
 * How loudly a room speaks, by the account's push rules, so every client and the server agree:
 * "all" has no rule of its own, "mentions" a room rule without notifying, "none" an override that nothing gets past.
 */

import { signal } from "@preact/signals";
import {
  ClientEvent,
  ConditionKind,
  type IPushRule,
  type IPushRules,
  type MatrixClient,
  PushRuleActionName,
  PushRuleKind,
} from "matrix-js-sdk";

import { matrix, onClient } from "./client";

export type Loudness = "all" | "mentions" | "none";

/** Of the rooms that have a rule; all others are "all". */
export const loudness = signal<ReadonlyMap<string, Loudness>>(new Map());

onClient((client: MatrixClient) => {
  const look = () => {
    loudness.value = loudnessBy(client.pushRules);
  };
  look();
  client.on(ClientEvent.AccountData, (event) => {
    if (event.getType() === "m.push_rules") look();
  });
});

export function loudnessBy(rules: IPushRules | undefined): Map<string, Loudness> {
  const found = new Map<string, Loudness>();
  for (const rule of rules?.global.room ?? []) {
    if (rule.enabled && isSilent(rule)) found.set(rule.rule_id, "mentions");
  }
  for (const rule of rules?.global.override ?? []) {
    const room = rule.enabled && isSilent(rule) ? roomOf(rule) : null;
    if (room) found.set(room, "none");
  }
  return found;
}

let queue: Promise<unknown> = Promise.resolve();

/** One wish after another: the last one holds. */
export function setLoudness(roomId: string, wanted: Loudness): Promise<void> {
  const step = queue.then(() => changeRules(roomId, wanted));
  queue = step.catch(() => undefined);
  return step;
}

/** The new rule is there before the old one goes, so the room is never louder than both. */
async function changeRules(roomId: string, wanted: Loudness): Promise<void> {
  const client = matrix();
  const rules = (await client.getPushRules()).global; // what the last wish made of them, and other devices
  const overrides = (rules.override ?? []).filter((rule) => roomOf(rule) === roomId);
  const own = (rules.room ?? []).some((rule) => rule.rule_id === roomId);
  if (wanted === "none") {
    const condition = { kind: ConditionKind.EventMatch, key: "room_id", pattern: roomId } as const;
    await client.addPushRule("global", PushRuleKind.Override, roomId, { actions: [], conditions: [condition] });
  }
  if (wanted === "mentions") await client.addPushRule("global", PushRuleKind.RoomSpecific, roomId, { actions: [] });
  if (wanted !== "none") {
    for (const rule of overrides) await client.deletePushRule("global", PushRuleKind.Override, rule.rule_id as never);
  }
  if (wanted !== "mentions" && own) await client.deletePushRule("global", PushRuleKind.RoomSpecific, roomId);
}

function isSilent(rule: IPushRule): boolean {
  return !rule.actions.includes(PushRuleActionName.Notify);
}

/** The room that a rule of one condition is about. */
function roomOf(rule: IPushRule): string | null {
  const [condition, ...more] = rule.conditions ?? [];
  if (more.length || condition?.kind !== ConditionKind.EventMatch || condition.key !== "room_id") return null;
  const pattern = condition.pattern ?? condition.value;
  return typeof pattern === "string" ? pattern : null;
}
