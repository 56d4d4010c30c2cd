/** Which server and which data centre is spoken to, and which build this is. */

import { current } from "../../matrix/sites";
import { words } from "../../words";

const w = words({
  title: ["이 앱에 대하여", "About"],
  server: ["지금 이어진 주소", "Connected to"],
  version: ["버전", "Version"],
});

export function About() {
  return (
    <section class="card" id="about" aria-labelledby="about-title">
      <h2 id="about-title" tabIndex={-1}>{w.title}</h2>
      <div class="row"><span>{w.server}</span><span class="quiet" dir="ltr">{new URL(current.value).host}</span></div>
      <div class="row"><span>{w.version}</span><span class="quiet" dir="ltr">{import.meta.env.VITE_VERSION}</span></div>
    </section>
  );
}
