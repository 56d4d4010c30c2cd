/** One's own devices, each confirmed or not; from a confirmed one the others can be. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api";

import { matrix } from "../../matrix/client";
import { crypto, encryption } from "../../matrix/crypto";
import { verifyOwnDevice } from "../../matrix/crypto-verification";
import { tell } from "../../ui/question";
import { words } from "../../words";
import { open } from "./open";

const w = words({
  here: ["지금 이 기기", "this one"],
  yes: ["확인됨", "Confirmed"],
  no: ["확인되지 않음", "Not confirmed"],
  none: ["암호화하지 않음", "Does not encrypt"],
  confirm: ["확인하기", "Confirm"],
  failed: ["기기 목록을 가져오지 못했습니다.", "The list of devices could not be fetched."],
  notAsked: ["요청을 보내지 못했습니다.", "The request could not be sent."],
});

interface Row {
  id: string;
  name: string;
  here: boolean;
  state: "yes" | "no" | "none";
}

export function OwnDevices() {
  const rows = useSignal<Row[] | null>(null);
  const failed = useSignal(false);
  const { verified } = encryption.value;
  useEffect(() => {
    const client = matrix();
    const look = () =>
      void list().then(
        (found) => (rows.value = found),
        () => (failed.value = true),
      );
    const changed = (users: string[]) => void (users.includes(client.getSafeUserId()) && look());
    look();
    client.on(CryptoEvent.DevicesUpdated, changed);
    return () => void client.off(CryptoEvent.DevicesUpdated, changed);
  }, [verified]);
  if (failed.value && !rows.value) return <p class="error" role="alert">{w.failed}</p>;
  return (
    <ul class="own-devices">
      {rows.value?.map((row) => (
        <li key={row.id} data-good={row.state === "yes"}>
          <p><strong>{row.name}</strong><span>{row.here && `${w.here} · `}{w[row.state]}</span></p>
          {verified && !row.here && row.state === "no" && <button onClick={() => void ask(row.id)}>{w.confirm}</button>}
        </li>
      ))}
    </ul>
  );
}

async function list(): Promise<Row[]> {
  const client = matrix();
  const me = client.getSafeUserId();
  const { devices } = await client.getDevices();
  return Promise.all(
    devices.map(async ({ device_id: id, display_name: name }) => {
      const status = await crypto().getDeviceVerificationStatus(me, id);
      const state = status ? (status.crossSigningVerified ? "yes" : "no") : "none";
      return { id, name: name || id, here: id === client.getDeviceId(), state } as const;
    }),
  );
}

async function ask(deviceId: string): Promise<void> {
  try {
    await verifyOwnDevice(deviceId);
    open("verify");
  } catch (error) {
    console.warn("the device was not asked:", error);
    tell(w.notAsked);
  }
}
