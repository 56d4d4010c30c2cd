/** The dialogs of encryption, loaded when the first of them opens. */

import { ConfirmDevice } from "./confirm-device";
import { EnterKey } from "./enter-key";
import { ExportKeys, ImportKeys } from "./keys-file";
import { MakeKey } from "./make-key";
import type { Asked } from "./open";
import { Reset } from "./reset";
import { Verify } from "./verify";
import "./dialogs.css";

export function Dialogs({ asked }: { asked: Asked }) {
  switch (asked) {
    case "make-key":
      return <MakeKey />;
    case "enter-key":
      return <EnterKey />;
    case "confirm":
      return <ConfirmDevice />;
    case "verify":
      return <Verify />;
    case "reset":
      return <Reset />;
    case "export-keys":
      return <ExportKeys />;
    case "import-keys":
      return <ImportKeys />;
  }
}
