/** Where the person is signed in, and how to end it: a lost phone is signed out here. */

import { useSignal } from "@preact/signals";
import type { IMyDevice } from "matrix-js-sdk";
import { useEffect } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { DeviceTrust } from "../encryption/device-trust";
import { inPlainWords } from "../../ui/errors";
import { Icon } from "../../ui/icon";
import { PasswordDialog } from "../../ui/password-dialog";
import { language, words } from "../../words";

const w = words({
  title: ["기기", "Devices"],
  loading: ["불러오는 중…", "Loading…"],
  again: ["다시 시도", "Try again"],
  this: ["이 기기", "This device"],
  nameless: ["이름 없는 기기", "Nameless device"],
  seen: [(when: string) => `마지막 접속 ${when}`, (when: string) => `Last seen ${when}`],
  out: ["로그아웃", "Sign out"],
  outNamed: [(name: string) => `${name} 로그아웃`, (name: string) => `Sign out ${name}`],
  outOthers: ["다른 기기 모두 로그아웃", "Sign out all other devices"],
  outText: ["그 기기에서는 다시 로그인해야 대화를 볼 수 있습니다.", "Whoever has it will have to sign in again to see the chats."],
});

export function Devices() {
  const devices = useSignal<IMyDevice[] | null>(null);
  const wrong = useSignal("");
  const leaving = useSignal<IMyDevice[]>([]); // asked about
  const own = matrix().getDeviceId();
  const load = async () => {
    wrong.value = "";
    try {
      const answer = await matrix().getDevices();
      devices.value = answer.devices.sort((a, b) => rank(b, own) - rank(a, own));
    } catch (error) {
      wrong.value = inPlainWords(error);
    }
  };
  useEffect(() => void load(), []);
  const others = devices.value?.filter(({ device_id }) => device_id !== own) ?? [];
  return (
    <section class="card" id="devices" aria-labelledby="devices-title">
      <h2 id="devices-title" tabIndex={-1}>{w.title}</h2>
      {!devices.value && !wrong.value && <p class="quiet" role="status">{w.loading}</p>}
      {wrong.value && <p role="alert">{wrong.value} <button onClick={() => void load()}>{w.again}</button></p>}
      <ul class="devices">
        {devices.value?.map((device) => (
          <Device key={device.device_id} device={device} isOwn={device.device_id === own} leave={() => (leaving.value = [device])} />
        ))}
      </ul>
      {others.length > 1 && <p class="answers"><button class="danger" onClick={() => (leaving.value = others)}>{w.outOthers}</button></p>}
      {leaving.value.length > 0 && (
        <PasswordDialog
          title={leaving.value.length === 1 ? w.outNamed(called(leaving.value[0]!)) : w.outOthers}
          text={w.outText}
          yes={w.out}
          act={async (auth) => {
            await matrix().deleteMultipleDevices(leaving.value.map(({ device_id }) => device_id), auth);
            await load();
          }}
          onClose={() => (leaving.value = [])}
        />
      )}
    </section>
  );
}

function Device({ device, isOwn, leave }: { device: IMyDevice; isOwn: boolean; leave(): void }) {
  return (
    <li class="row">
      <Icon name="device" />
      <span class="lines">
        <span class="name" dir="auto">
          {called(device)}
          {isOwn && <span class="this">{w.this}</span>}
        </span>
        <span class="about">{about(device)}</span>
        <DeviceTrust deviceId={device.device_id} />
      </span>
      {!isOwn && <button aria-label={w.outNamed(called(device))} onClick={leave}>{w.out}</button>}
    </li>
  );
}

function called(device: IMyDevice): string {
  return device.display_name?.trim() || w.nameless;
}

function about(device: IMyDevice): string {
  const time = device.last_seen_ts;
  const format = new Intl.DateTimeFormat(language.value === "ko" ? "ko-KR" : "en-GB", { dateStyle: "medium", timeStyle: "short" });
  return [device.device_id, time ? w.seen(format.format(time)) : "", device.last_seen_ip ?? ""].filter(Boolean).join(" · ");
}

/** One's own first, then the newest. */
function rank(device: IMyDevice, own: string | null): number {
  return device.device_id === own ? Infinity : (device.last_seen_ts ?? 0);
}
