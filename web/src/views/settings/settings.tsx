/** Settings: one column of cards, the person first, the way out last. */

import { useEffect, useRef } from "preact/hooks";

import { EncryptionSettings } from "../encryption/settings";
import { words } from "../../words";
import { About } from "./about";
import { Appearance } from "./appearance";
import { Devices } from "./devices";
import { Email } from "./email";
import { Leave } from "./leave";
import { Notifications } from "./notifications";
import { Password } from "./password";
import { Previews } from "./previews";
import { Profile } from "./profile";
import { Reading } from "./reading";
import "./settings.css";

const w = words({ title: ["설정", "Settings"] });

/** `part` is the id of the card that is meant, such as "encryption". */
export function Settings({ part }: { part?: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const meant = part ? box.current?.querySelector<HTMLElement>(`#${CSS.escape(part)}`) : null;
    meant?.scrollIntoView({ block: "start" });
    meant?.querySelector("h2")?.focus();
  }, [part]);
  return (
    <div class="settings column" ref={box}>
      <header class="head"><h1>{w.title}</h1></header>
      <Profile />
      <Appearance />
      <Notifications />
      <Reading />
      <Previews />
      <div class="card" id="encryption"><EncryptionSettings /></div>
      <Devices />
      <Password />
      <Email />
      <About />
      <Leave />
    </div>
  );
}
