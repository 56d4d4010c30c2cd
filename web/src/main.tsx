import { render } from "preact";

import { App } from "./app";
import { followSession } from "./matrix/client";
import { followStorage } from "./matrix/session";
import "./theme";
import { followUpdates } from "./updates";
import "./styles/base.css";

followStorage();
followSession();
render(<App />, document.getElementById("app")!);
void followUpdates();
