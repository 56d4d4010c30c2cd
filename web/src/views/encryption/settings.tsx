/** Settings, part "encryption": loaded when it is opened. */

import { later } from "../../ui/later";

export const EncryptionSettings = later(() => import("./settings-part").then((part) => part.EncryptionPart));
