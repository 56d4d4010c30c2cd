/** Whether one of one's own devices is confirmed; from a confirmed device the others can be. For the list of devices. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api";

import { matrix } from "../../matrix/client";
import { crypto, encryption } from "../../matrix/crypto";
import { verifyOwnDevice } from "../../matrix/crypto-verification";
import { tell } from "../../ui/question";
import { words } from "../../words";
import { open } from "./open";
import "./encryption.css";

const w = words({
  yes: ["확인됨", "Confirmed"],
  no: ["확인되지 않음", "Not confirmed"],
  none: ["암호화하지 않는 기기", "Does not encrypt"],
  confirm: ["확인하기", "Confirm"],
  failed: ["요청을 보내지 못했습니다.", "The request could not be sent."],
});

type Trust = "yes" | "no" | "none";

export function DeviceTrust({ deviceId }: { deviceId: string }) {
  const trust = useSignal<Trust | null>(null);
  const { phase, verified } = encryption.value;
  useEffect(() => {
    if (phase !== "ready") return;
    const client = matrix();
    const look = () => void trustIn(deviceId).then((now) => (trust.value = now), () => undefined);
    const changed = (users: string[]) => void (users.includes(client.getSafeUserId()) && look());
    look();
    client.on(CryptoEvent.DevicesUpdated, changed);
    return () => void client.off(CryptoEvent.DevicesUpdated, changed);
  }, [deviceId, phase, verified]);
  if (!trust.value) return null;
  const isOther = deviceId !== matrix().getDeviceId();
  return (
    <span class="device-trust" data-trust={trust.value}>
      {w[trust.value]}
      {verified && isOther && trust.value === "no" && <button onClick={() => void ask(deviceId)}>{w.confirm}</button>}
    </span>
  );
}

async function trustIn(deviceId: string): Promise<Trust> {
  const status = await crypto().getDeviceVerificationStatus(matrix().getSafeUserId(), deviceId);
  if (!status) return "none";
  return status.crossSigningVerified ? "yes" : "no";
}

async function ask(deviceId: string): Promise<void> {
  try {
    await verifyOwnDevice(deviceId);
    open("verify");
  } catch (error) {
    console.warn("the device was not asked:", error);
    tell(w.failed);
  }
}
