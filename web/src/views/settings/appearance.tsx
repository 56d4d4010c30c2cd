/** The language, and light or dark. */

import { type Theme, theme, wear } from "../../theme";
import { type Language, language, speak, words } from "../../words";

const w = words({
  title: ["화면", "Appearance"],
  language: ["언어", "Language"],
  theme: ["밝기", "Theme"],
  system: ["시스템", "System"],
  light: ["밝게", "Light"],
  dark: ["어둡게", "Dark"],
});

export function Appearance() {
  return (
    <section class="card" id="appearance" aria-labelledby="appearance-title">
      <h2 id="appearance-title" tabIndex={-1}>{w.title}</h2>
      <Choice<Language>
        name="language" label={w.language} now={language.value} choose={speak} choices={[["ko", "한국어", "ko"], ["en", "English", "en"]]}
      />
      <Choice<Theme>
        name="theme" label={w.theme} now={theme.value} choose={wear}
        choices={[["system", w.system], ["light", w.light], ["dark", w.dark]]}
      />
    </section>
  );
}

interface Choices<T extends string> {
  name: string;
  label: string;
  now: T;
  choices: readonly (readonly [T, string, string?])[]; // value, what it is called, in which language
  choose(value: T): void;
}

function Choice<T extends string>({ name, label, now, choices, choose }: Choices<T>) {
  return (
    <div class="row" role="radiogroup" aria-label={label}>
      <span>{label}</span>
      <span class="choices">
        {choices.map(([value, called, lang]) => (
          <label key={value} lang={lang}>
            <input type="radio" name={name} value={value} checked={now === value} onChange={() => choose(value)} />
            <span>{called}</span>
          </label>
        ))}
      </span>
    </div>
  );
}
