import { render } from "preact";

import { App } from "./app";
import { followSession } from "./matrix/client";
import { followClock } from "./matrix/clock";
import { followStorage } from "./matrix/session";
import "./theme";
import { followUpdates } from "./updates";
import "./styles/base.css";

followStorage();
followSession();
followClock();
render(<App />, document.getElementById("app")!);
void followUpdates();
