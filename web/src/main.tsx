import { render } from "preact";

import { App } from "./app";
import { followSession } from "./matrix/client";
import { followClock } from "./matrix/clock";
import { followDesk } from "./matrix/desk";
import { followStorage } from "./matrix/session";
import "./theme";
import { followViewport } from "./ui/viewport";
import { followUpdates } from "./updates";
import "./styles/base.css";

followStorage();
followSession();
followClock();
followDesk();
followViewport();
render(<App />, document.getElementById("app")!);
void followUpdates();
