/**
 * A warning beside an encrypted message, only where it matters: somebody whom one has confirmed writes from a device that
 * is not theirs for sure, or is not who they were. Of everybody else nothing is known, so nothing is said.
 */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type MatrixEvent, MatrixEventEvent } from "matrix-js-sdk";
import { EventShieldColour, EventShieldReason } from "matrix-js-sdk/lib/crypto-api";

import { matrix } from "../../matrix/client";
import { encryption } from "../../matrix/crypto";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import "./encryption.css";

const w = words({
  device: ["확인되지 않은 기기에서 보냄", "Sent from a device that is not confirmed"],
  changed: ["신원이 바뀐 뒤 보냄", "Sent after their identity changed"],
  sender: ["보낸 사람이 열쇠의 주인과 다름", "The sender is not who the key belongs to"],
});

const SAID: Partial<Record<EventShieldReason, keyof typeof w>> = {
  [EventShieldReason.UNSIGNED_DEVICE]: "device",
  [EventShieldReason.UNKNOWN_DEVICE]: "device",
  [EventShieldReason.VERIFICATION_VIOLATION]: "changed",
  [EventShieldReason.MISMATCHED_SENDER]: "sender",
};

export function Shield({ event }: { event: MatrixEvent }) {
  const said = useSignal<keyof typeof w | null>(null);
  const isReady = encryption.value.phase === "ready";
  useEffect(() => {
    let over = false;
    const look = async () => {
      const next = isReady && event.isEncrypted() && !event.isDecryptionFailure() ? await warning(event) : null;
      if (!over) said.value = next;
    };
    const again = () => void look();
    event.on(MatrixEventEvent.Decrypted, again);
    again();
    return () => {
      over = true;
      event.off(MatrixEventEvent.Decrypted, again);
    };
  }, [event, isReady]);
  return said.value && <span class="shield"><Icon name="warning" /> {w[said.value]}</span>;
}

async function warning(event: MatrixEvent): Promise<keyof typeof w | null> {
  const engine = matrix().getCrypto();
  const about = await engine?.getEncryptionInfoForEvent(event).catch(() => null);
  if (!engine || !about || about.shieldColour === EventShieldColour.NONE || about.shieldReason === null) return null;
  const reason = SAID[about.shieldReason];
  if (!reason) return null;
  if (reason !== "device") return reason;
  const sender = await engine.getUserVerificationStatus(event.getSender()!);
  return sender.isCrossSigningVerified() ? reason : null;
}
